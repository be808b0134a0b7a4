//! People as members of organizations, and the end of what they were granted as such.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id,
    organization::{Organization, Slug},
    user::User,
};
use paylent_oauth::store::{Belonging, Member};

use crate::{
    Env, Error, Result,
    authority::names,
    key::Key,
    pool::on,
    schema::{members, memberships, organizations},
};

/// Ends, in the unit of work at hand, what was granted to act for an organization: by one person who leaves it, with the
/// connections of their own there, or by everybody (`None`) when it goes, and its connections with it. Codes come before
/// families: whoever exchanges one at this moment holds its row until the family is there to be seen.
macro_rules! end_acting {
    ($c:expr, $environment:expr, $organization:expr, $user:expr, $by:expr) => {{
        use crate::schema::{authorization_codes as codes, token_families as families};

        let (organization, user): (Key, Option<Key>) = ($organization, $user);
        if let Some(user) = user {
            use crate::{connections::end_connection, schema::connections};

            let here = connections::environment_id.eq($environment).and(connections::organization_id.eq(organization));
            let own = connections::table.filter(here.and(connections::user_id.eq(user))).select(connections::id);
            let own: Vec<Key> = own.load($c).await?;
            for connection in own {
                end_connection!($c, $environment, connection, $by);
            }
        }
        let here = codes::environment_id.eq($environment).and(codes::organization_id.eq(organization));
        match user {
            Some(user) => diesel::delete(codes::table.filter(here.and(codes::user_id.eq(user)))).execute($c).await?,
            None => diesel::delete(codes::table.filter(here)).execute($c).await?,
        };
        let here = families::environment_id.eq($environment).and(families::organization_id.eq(organization));
        let live = here.and(families::revoked_at.is_null());
        let revoked = families::revoked_at.eq($by.at.micros());
        match user {
            Some(user) => {
                let theirs = families::table.filter(live.and(families::user_id.eq(user)));
                diesel::update(theirs).set(revoked).execute($c).await?
            }
            None => diesel::update(families::table.filter(live)).set(revoked).execute($c).await?,
        };
    }};
}

pub(crate) use end_acting;

impl Env {
    pub(super) async fn find_belongings(&self, user_id: Id<User>) -> Result<Vec<Belonging>> {
        let (environment, user) = (self.key(), Key::from(user_id));
        let rows: Vec<(Key, String, Option<String>)> = on!(self.db, read, |c| {
            let organization = organizations::environment_id
                .eq(memberships::environment_id)
                .and(organizations::id.eq(memberships::organization_id));
            let theirs = memberships::table
                .inner_join(organizations::table.on(organization))
                .filter(memberships::environment_id.eq(environment).and(memberships::user_id.eq(user)))
                .order((organizations::name, organizations::id))
                .select((organizations::id, organizations::name, organizations::slug));
            Ok::<_, Error>(theirs.load(c).await?)
        })?;
        let belonging = |(id, name, slug): (Key, String, Option<String>)| Belonging {
            id: id.id(),
            name,
            slug: slug.map(Slug::stored),
        };
        Ok(rows.into_iter().map(belonging).collect())
    }

    pub(super) async fn find_member(
        &self,
        user_id: Id<User>,
        organization_id: Id<Organization>,
    ) -> Result<Option<Member>> {
        let key = (self.key(), Key::from(user_id), Key::from(organization_id));
        let row: Option<(String, String)> = on!(self.db, lookup, |c| {
            let member = members::table.find(key).select((members::roles, members::permissions));
            Ok::<_, Error>(member.get_result(c).await.optional()?)
        })?;
        row.map(|(roles, permissions)| {
            Ok(Member { organization_id, roles: names(&roles)?, permissions: names(&permissions)? })
        })
        .transpose()
    }
}
