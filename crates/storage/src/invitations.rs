//! Invitations into organizations.

use diesel::{
    dsl::{self, auto_type},
    prelude::*,
    sql_types::Binary,
};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    invitation::{HOURLY_LIMIT, Invitation, InvitationStatus},
    mail::{self, NewMail},
    organization::Organization,
    role::Role,
    user::{Email, User},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    audit::entry,
    counters::quota,
    error::{Refusal, broken},
    key::Key,
    mails::NewMailRow,
    page::page,
    pool::on,
    schema::{
        audit_events, environments, invitation_roles, invitations, mails, memberships, organizations, roles, users,
    },
};

/// A row of `invitations`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
pub(crate) struct InvitationRow {
    environment_id: Key,
    pub id: Key,
    pub organization_id: Key,
    pub inviter_id: Key,
    email: String,
    pub email_key: String,
    status: String,
    expires_at: i64,
    created_at: i64,
    pub updated_at: i64,
}

/// An invitation about to be made.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Its id.
    pub id: Id<Invitation>,
    /// Where it leads to.
    pub organization_id: Id<Organization>,
    /// Who makes it.
    pub inviter_id: Id<User>,
    /// Whom it is for.
    pub email: Email,
    /// What is held after acceptance; one that is named twice counts once.
    pub role_ids: Vec<Id<Role>>,
    /// Until when it can be answered.
    pub expires_at: Timestamp,
    /// The hash of the token that is mailed.
    pub token_hash: SecretHash,
    /// The mail with the token.
    pub mail: NewMail,
}

/// Which invitations to list. Their name is the address as it is compared (see [`Email::key`]).
#[derive(Debug, Clone, Default)]
pub struct InvitationFilter {
    /// Only those into this organization.
    pub organization_id: Option<Id<Organization>>,
    /// Only those that stand so at `now`.
    pub status: Option<InvitationStatus>,
    /// Only those that stand otherwise at `now`.
    pub not_status: Option<InvitationStatus>,
    /// The present moment.
    pub now: Timestamp,
    /// Only those into some of these organizations, which is all that the caller may see.
    pub within: Option<Vec<Id<Organization>>>,
}

impl InvitationRow {
    fn new(environment_id: Key, new: &NewInvitation, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: new.id.into(),
            organization_id: new.organization_id.into(),
            inviter_id: new.inviter_id.into(),
            email: new.email.as_str().to_owned(),
            email_key: new.email.key(),
            status: InvitationStatus::Pending.as_str().to_owned(),
            expires_at: new.expires_at.micros(),
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }

    /// The invitation, with those of these roles that are its own.
    pub(crate) fn read(self, roles: &[(Key, Key)]) -> Result<Invitation> {
        let own = roles.iter().filter(|(invitation, _)| *invitation == self.id);
        Ok(Invitation {
            id: self.id.id(),
            organization_id: self.organization_id.id(),
            inviter_id: self.inviter_id.id(),
            email: Email::stored(self.email),
            role_ids: own.map(|(_, role)| role.id()).collect(),
            status: self.status.parse().map_err(broken)?,
            expires_at: Timestamp::from_micros(self.expires_at),
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }

    pub(crate) fn told(&self, action: &'static str, organization: &str) -> Event {
        Event::new(action, "invitation", self.id.id::<Invitation>(), &self.email).and(
            "organization",
            self.organization_id.id::<Organization>(),
            organization,
        )
    }

    /// What is told of an answer to a pending invitation.
    pub(crate) fn answered(&self, action: &'static str, answer: InvitationStatus, organization: &str) -> Event {
        let (before, after) = (InvitationStatus::Pending.as_str().to_owned(), answer.as_str().to_owned());
        self.told(action, organization).change("status", Some(before), Some(after))
    }
}

/// The members of an organization who have this address.
#[auto_type(no_type_alias)]
fn members<'a>(environment: Key, organization: Key, email_key: &'a str) -> _ {
    let member = users::environment_id.eq(memberships::environment_id).and(users::id.eq(memberships::user_id));
    memberships::table
        .inner_join(users::table.on(member))
        .filter(users::environment_id.eq(environment).and(users::email_key.eq(email_key)))
        .filter(memberships::organization_id.eq(organization))
}

/// The statement that marks an invitation that nobody can answer any more, so that it is not in another's way.
#[auto_type(no_type_alias)]
fn expire<'a>(environment: Key, organization: Key, email_key: &'a str, now: i64) -> _ {
    let pending: &'static str = InvitationStatus::Pending.as_str();
    let expired: &'static str = InvitationStatus::Expired.as_str();
    dsl::update(invitations::table)
        .filter(invitations::environment_id.eq(environment))
        .filter(invitations::organization_id.eq(organization))
        .filter(invitations::email_key.eq(email_key))
        .filter(invitations::status.eq(pending).and(invitations::expires_at.le(now)))
        .set(invitations::status.eq(expired))
}

/// The roles of these invitations, oldest first.
macro_rules! roles_of {
    ($c:ident, $environment:expr, $invitations:expr) => {{
        use crate::schema::invitation_roles;

        invitation_roles::table
            .filter(invitation_roles::environment_id.eq($environment))
            .filter(invitation_roles::invitation_id.eq_any($invitations))
            .order((invitation_roles::invitation_id, invitation_roles::role_id))
            .select((invitation_roles::invitation_id, invitation_roles::role_id))
            .load::<(Key, Key)>($c)
            .await?
    }};
}

pub(crate) use roles_of;

/// The organization's name, if it is there.
macro_rules! name_of {
    ($c:ident, $environment:expr, $organization:expr) => {{
        let name = organizations::table.find(($environment, $organization)).select(organizations::name);
        name.get_result::<String>($c).await.optional()?
    }};
}

impl Env {
    /// The invitations that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn invitations(&self, filter: InvitationFilter, page: Page) -> Result<Listed<Invitation>> {
        use InvitationStatus::{Expired, Pending};
        let environment = self.key();
        let organization = filter.organization_id.map(Key::from);
        let (within, now) = (filter.within.map(Key::all), filter.now.micros());
        let (rows, roles): ((Vec<InvitationRow>, _), _) = on!(self.db, read, |c| {
            let matching = || {
                let (status, expires_at) = (invitations::status, invitations::expires_at);
                let (pending, expired) = (Pending.as_str(), Expired.as_str());
                let mut query = invitations::table.filter(invitations::environment_id.eq(environment)).into_boxed();
                if let Some(organization) = organization {
                    query = query.filter(invitations::organization_id.eq(organization));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(invitations::organization_id.eq_any(within));
                }
                query = match filter.status {
                    None => query,
                    Some(Pending) => query.filter(status.eq(pending).and(expires_at.gt(now))),
                    Some(Expired) => query.filter(status.eq(expired).or(status.eq(pending).and(expires_at.le(now)))),
                    Some(other) => query.filter(status.eq(other.as_str())),
                };
                match filter.not_status {
                    None => query,
                    Some(Pending) => query.filter(status.ne(pending).or(expires_at.le(now))),
                    Some(Expired) => query.filter(status.ne(expired).and(status.ne(pending).or(expires_at.gt(now)))),
                    Some(other) => query.filter(status.ne(other.as_str())),
                }
            };
            let name = invitations::email_key;
            let listed: (Vec<InvitationRow>, Option<i64>) =
                page!(c, page, invitations::id, name, InvitationRow::as_select(), matching())?;
            let ids: Vec<Key> = listed.0.iter().map(|row| row.id).collect();
            let roles = roles_of!(c, environment, ids);
            Ok::<_, Error>((listed, roles))
        })?;
        Listed::of(rows, |row| row.read(&roles))
    }

    /// The invitation of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn invitation(&self, id: Id<Invitation>) -> Result<Option<Invitation>> {
        let (environment, id) = (self.key(), Key::from(id));
        on!(self.db, lookup, |c| {
            let row = invitations::table.find((environment, id)).select(InvitationRow::as_select());
            let row: Option<InvitationRow> = row.get_result(c).await.optional()?;
            let Some(row) = row else { return Ok(None) };
            let roles = roles_of!(c, environment, [id]);
            row.read(&roles).map(Some)
        })
    }

    /// For how long an invitation can be answered that does not say it itself, in seconds.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn invitation_ttl(&self) -> Result<i64> {
        let environment = self.key();
        on!(self.db, lookup, |c| {
            let ttl = environments::table.find(environment).select(environments::invitation_ttl);
            Ok::<_, Error>(ttl.get_result(c).await?)
        })
    }

    /// Invites somebody into an organization, and queues the mail that tells them.
    ///
    /// # Errors
    /// `Refused` when the person is a member, `TooMany` when too many were invited in the last hour, or this person too
    /// often, `Conflict` when there is an invitation that can be answered, `Reference` when the organization, the inviter
    /// or a role is not there.
    pub async fn create_invitation(&self, new: NewInvitation, by: &Context) -> Result<Invitation> {
        let (environment, by) = (self.key(), by.clone());
        let row = InvitationRow::new(environment, &new, by.at);
        let mut role_ids = new.role_ids;
        role_ids.sort();
        role_ids.dedup();
        let role_ids = Key::all(role_ids);
        on!(self.db, transaction, |c| {
            let organization = name_of!(c, environment, row.organization_id).ok_or(Error::Reference)?;
            let member: i64 = members(environment, row.organization_id, &row.email_key).count().get_result(c).await?;
            if member > 0 {
                return Err(Error::Refused(Refusal::AlreadyMember));
            }
            let (inviter, organization_id) = (new.inviter_id, new.organization_id);
            let names = [format!("invitation:inviter:{inviter}"), format!("invitation:organization:{organization_id}")];
            quota!(c, environment, names, HOURLY_LIMIT, by.at);
            let address = [format!("invitation:address:{}", row.email_key)];
            quota!(c, environment, address, mail::HOURLY_LIMIT, by.at);
            expire(environment, row.organization_id, &row.email_key, by.at.micros()).execute(c).await?;
            let token = invitations::token_hash.eq(new.token_hash.as_bytes().to_vec());
            (row.clone(), token).insert_into(invitations::table).execute(c).await?;
            NewMailRow::new(environment, new.mail, by.at).insert_into(mails::table).execute(c).await?;
            let given = roles::table.filter(roles::environment_id.eq(environment).and(roles::id.eq_any(&role_ids)));
            let found = given
                .clone()
                .select((roles::environment_id, row.id.into_sql::<Binary>(), roles::id))
                .insert_into(invitation_roles::table)
                .into_columns(invitation_roles::all_columns)
                .execute(c)
                .await?;
            if found < role_ids.len() {
                return Err(Error::Reference);
            }
            let named = given.order(roles::id).select((roles::id, roles::name));
            let named: Vec<(Key, String)> = named.load(c).await?;
            let event = named.iter().fold(row.told("invitation.created", &organization), |event, (id, name)| {
                event.and("role", id.id::<Role>(), name)
            });
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            let given: Vec<(Key, Key)> = named.into_iter().map(|(role, _)| (row.id, role)).collect();
            row.read(&given)
        })
    }

    /// Takes an invitation back. `None` when there is no such invitation.
    ///
    /// # Errors
    /// `Refused` when it cannot be answered any more, or is not as expected.
    pub async fn revoke_invitation(
        &self,
        id: Id<Invitation>,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Invitation>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let invitation = invitations::table.find((environment, key));
            // Locks the row and reads what it was.
            let before: Option<InvitationRow> = diesel::update(invitation)
                .set(invitations::updated_at.eq(invitations::updated_at))
                .returning(InvitationRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(before) = before else { return Ok(None) };
            expected.check(before.updated_at)?;
            let roles = roles_of!(c, environment, [key]);
            let before = before.read(&roles)?;
            if before.status_at(by.at) != InvitationStatus::Pending {
                return Err(Error::Refused(Refusal::AnsweredInvitation));
            }
            let status = invitations::status.eq(InvitationStatus::Revoked.as_str());
            let at = invitations::updated_at.eq(by.at.after(before.updated_at).micros());
            let after = diesel::update(invitation).set((status, at)).returning(InvitationRow::as_returning());
            let after: InvitationRow = after.get_result(c).await?;
            let organization = name_of!(c, environment, after.organization_id).unwrap_or_default();
            let event = after.answered("invitation.revoked", InvitationStatus::Revoked, &organization);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            after.read(&roles).map(Some)
        })
    }

    /// Deletes an invitation, wherever it stands, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn delete_invitation(&self, id: Id<Invitation>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let gone = diesel::delete(invitations::table.find((environment, key)));
            let gone: Option<InvitationRow> =
                gone.returning(InvitationRow::as_returning()).get_result(c).await.optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            let organization = name_of!(c, environment, gone.organization_id).unwrap_or_default();
            let event = gone.told("invitation.deleted", &organization);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
