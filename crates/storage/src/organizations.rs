//! Organizations of an environment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    organization::{Organization, Slug},
    user::User,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    applications::delete_applications,
    audit::entry,
    error::Refusal,
    key::Key,
    oauth::end_acting,
    page::page,
    pool::on,
    schema::{audit_events, memberships, organizations},
};

/// A row of `organizations`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = organizations, treat_none_as_default_value = false)]
pub(crate) struct OrganizationRow {
    pub environment_id: Key,
    pub id: Key,
    pub name: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub slug: Option<String>,
}

/// An organization about to be made.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Its id.
    pub id: Id<Organization>,
    /// What people call it.
    pub name: String,
    /// What authorization requests may call it, beside its id.
    pub slug: Option<Slug>,
}

/// Which organizations to list.
#[derive(Debug, Clone, Default)]
pub struct OrganizationFilter {
    /// Only those this user belongs to.
    pub user_id: Option<Id<User>>,
    /// Only the one of this slug.
    pub slug: Option<Slug>,
    /// Only some of these, which is all that the caller may see.
    pub within: Option<Vec<Id<Organization>>>,
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.id.id(),
            name: row.name,
            slug: row.slug.map(Slug::stored),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

impl Env {
    /// The organizations that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn organizations(&self, filter: OrganizationFilter, page: Page) -> Result<Listed<Organization>> {
        let environment = self.key();
        let (user, within) = (filter.user_id.map(Key::from), filter.within.map(Key::all));
        let slug = filter.slug.map(|slug| slug.as_str().to_owned());
        let rows: (Vec<OrganizationRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = organizations::table.filter(organizations::environment_id.eq(environment)).into_boxed();
                if let Some(user) = user {
                    let theirs = memberships::environment_id.eq(environment).and(memberships::user_id.eq(user));
                    let theirs = memberships::table.filter(theirs).select(memberships::organization_id);
                    query = query.filter(organizations::id.eq_any(theirs));
                }
                if let Some(slug) = slug.clone() {
                    query = query.filter(organizations::slug.eq(slug));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(organizations::id.eq_any(within));
                }
                query
            };
            page!(c, page, organizations::id, organizations::name, OrganizationRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(Organization::from(row)))
    }

    /// The organization of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn organization(&self, id: Id<Organization>) -> Result<Option<Organization>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<OrganizationRow> = on!(self.db, lookup, |c| {
            let found = organizations::table.find((environment, id)).select(OrganizationRow::as_select());
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(Organization::from))
    }

    /// Makes an organization. Several may have one name.
    ///
    /// # Errors
    /// `Conflict` when the slug is taken.
    pub async fn create_organization(&self, new: NewOrganization, by: &Context) -> Result<Organization> {
        let environment = self.key();
        let audit = entry(environment, by, &Event::new("organization.created", "organization", new.id, &new.name))?;
        let at = by.at.micros();
        let row = OrganizationRow {
            environment_id: environment,
            id: new.id.into(),
            name: new.name,
            created_at: at,
            updated_at: at,
            slug: new.slug.map(|slug| slug.as_str().to_owned()),
        };
        let row: OrganizationRow = on!(self.db, transaction, |c| {
            let row = row.insert_into(organizations::table).returning(OrganizationRow::as_returning());
            let row = row.get_result(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }

    /// Deletes an organization with its applications, memberships and invitations, ends what was granted to act for it, and
    /// says whether there was one.
    ///
    /// # Errors
    /// `Refused` when it is an account, and when it is not as expected.
    pub async fn delete_organization(&self, id: Id<Organization>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let this = organizations::table.find((environment, key));
            // Locks the row: no application of it is made meanwhile.
            let lock = diesel::update(this).set(organizations::updated_at.eq(organizations::updated_at));
            let gone = lock.returning(OrganizationRow::as_returning()).get_result(c).await.optional()?;
            let Some(gone): Option<OrganizationRow> = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            delete_applications!(c, environment, gone, by);
            match diesel::delete(this).execute(c).await.map_err(Error::from) {
                // Beside applications, only accounts refer to an organization without going with it.
                Err(Error::Reference) => return Err(Error::Refused(Refusal::Account)),
                deleted => deleted?,
            };
            end_acting!(c, environment, gone.id, None, by);
            let event = Event::new("organization.deleted", "organization", id, &gone.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
