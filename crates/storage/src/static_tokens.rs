//! Access tokens of applications that never expire.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    application::{Application, MAX_STATIC_TOKENS, StaticToken},
    audit::{Context, Event},
    organization::Organization,
    scope::Scopes,
};
use paylent_oauth::{
    limit_scopes,
    store::{Kept, NewStaticToken},
};

use crate::{
    Env, Error, Listed, Page, Result,
    audit::entry,
    authority::names,
    key::Key,
    oauth::AccessTokenRow,
    page::page,
    pool::on,
    schema::{access_tokens, applications, audit_events, clients, organizations, static_tokens, users},
};

/// A row of `static_tokens`, without the token's hash.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = static_tokens)]
struct StaticTokenRow {
    id: Key,
    application_id: Key,
    prefix: String,
    last_used_at: Option<i64>,
    last_used_ip: Option<String>,
    created_at: i64,
}

/// Which tokens that never expire to list.
#[derive(Debug, Clone, Default)]
pub struct StaticTokenFilter {
    /// Only those of this application.
    pub application_id: Option<Id<Application>>,
    /// Only those of applications of some of these organizations, which is all that the caller may see.
    pub within: Option<BTreeSet<Id<Organization>>>,
}

/// The tokens with the applications that they are of, and who owns those.
macro_rules! with_applications {
    ($environment:expr) => {{
        let application = applications::environment_id.eq(static_tokens::environment_id);
        static_tokens::table
            .inner_join(applications::table.on(application.and(applications::id.eq(static_tokens::application_id))))
            .filter(static_tokens::environment_id.eq($environment))
    }};
}

impl StaticTokenRow {
    fn read(self, organization: Key) -> StaticToken {
        StaticToken {
            id: self.id.id(),
            application_id: self.application_id.id(),
            organization_id: organization.id(),
            prefix: self.prefix,
            last_used_at: self.last_used_at.map(Timestamp::from_micros),
            last_used_ip: self.last_used_ip,
            created_at: Timestamp::from_micros(self.created_at),
        }
    }
}

/// An application and its organization, each by id and name.
type Whose = (Key, String, Key, String);

impl Env {
    /// The tokens that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn static_tokens(&self, filter: StaticTokenFilter, page: Page) -> Result<Listed<StaticToken>> {
        let (environment, application) = (self.key(), filter.application_id.map(Key::from));
        let within = filter.within.map(|ids| Key::all(ids.into_iter().collect()));
        let rows: (Vec<(StaticTokenRow, Key)>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = with_applications!(environment).into_boxed();
                if let Some(application) = application {
                    query = query.filter(static_tokens::application_id.eq(application));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(applications::organization_id.eq_any(within));
                }
                query
            };
            let columns = (StaticTokenRow::as_select(), applications::organization_id);
            page!(c, page, static_tokens::id, columns, matching())
        })?;
        Listed::of(rows, |(row, organization)| Ok(row.read(organization)))
    }

    /// The token of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn static_token(&self, id: Id<StaticToken>) -> Result<Option<StaticToken>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<(StaticTokenRow, Key)> = on!(self.db, lookup, |c| {
            let columns = (StaticTokenRow::as_select(), applications::organization_id);
            let found = with_applications!(environment).filter(static_tokens::id.eq(id)).select(columns);
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(row, organization)| row.read(organization)))
    }

    /// Revokes a token that never expires, and says whether there was one.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn revoke_static_token(&self, id: Id<StaticToken>, by: &Context) -> Result<bool> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let client = clients::environment_id.eq(static_tokens::environment_id);
            let client = clients::table.on(client.and(clients::id.eq(static_tokens::application_id)));
            let this = static_tokens::environment_id.eq(environment).and(static_tokens::id.eq(key));
            let owner = organizations::environment_id.eq(applications::environment_id);
            let owner = organizations::table.on(owner.and(organizations::id.eq(applications::organization_id)));
            let whose = (clients::id, clients::name, organizations::id, organizations::name);
            let columns = (static_tokens::token_hash, static_tokens::prefix, whose);
            let known = with_applications!(environment).inner_join(client).inner_join(owner).filter(this);
            let known = known.select(columns).get_result(c).await;
            let known: Option<(Vec<u8>, String, Whose)> = known.optional()?;
            let Some((hash, prefix, (application, name, owner, owner_name))) = known else { return Ok(false) };
            // Its row in the list goes with it.
            let token = access_tokens::table.find((environment, hash));
            if diesel::delete(token).execute(c).await? == 0 {
                return Ok(false);
            }
            let event = Event::new("application_token.deleted", "application_token", id, &prefix);
            let event = event.and("application", application.id::<Application>(), &name);
            let event = event.and("organization", owner.id::<Organization>(), &owner_name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }

    /// Keeps the token, unless the application has as many as it may have, or is not any more what the token was issued to.
    /// The client's row is locked first, as in every change of an application, so that those who ask at the same time are
    /// counted one after another and nobody deletes it meanwhile.
    pub(crate) async fn keep_static_token(&self, new: NewStaticToken) -> Result<Kept> {
        let (environment, client_id) = (self.key(), new.token.client_id.clone());
        let (user, generations) =
            (Key::from(new.token.user_id), (new.token.client_generation, new.token.user_generation));
        let mut token = AccessTokenRow::new(environment, new.token);
        let row = (
            static_tokens::environment_id.eq(environment),
            static_tokens::id.eq(Key::from(new.id)),
            static_tokens::token_hash.eq(token.token_hash.clone()),
            static_tokens::prefix.eq(new.prefix),
            static_tokens::created_at.eq(token.issued_at),
        );
        on!(self.db, transaction, |c| {
            let named = clients::environment_id.eq(environment).and(clients::client_id.eq(client_id));
            let lock = diesel::update(clients::table.filter(named)).set(clients::updated_at.eq(clients::updated_at));
            let client = lock.returning((clients::id, clients::generation)).get_result(c).await.optional()?;
            let lock = diesel::update(users::table.find((environment, user)));
            let lock = lock.set(users::updated_at.eq(users::updated_at)).returning(users::generation);
            let user: Option<i64> = lock.get_result(c).await.optional()?;
            let known: Option<((Key, i64), i64)> = client.zip(user);
            let current = known.filter(|((_, client), user)| (*client, *user) == generations);
            let Some(((application, _), _)) = current else { return Ok(Kept::Gone) };
            let permissions = applications::table.find((environment, application)).select(applications::permissions);
            let permissions: Scopes = names(&permissions.get_result::<String>(c).await?)?.into_iter().collect();
            // A permission may have been taken away since the token was asked for.
            token.scope = limit_scopes(&Scopes::stored(&token.scope), &permissions, None).to_string();
            let theirs =
                static_tokens::environment_id.eq(environment).and(static_tokens::application_id.eq(application));
            let count: i64 = static_tokens::table.filter(theirs).count().get_result(c).await?;
            if usize::try_from(count).is_ok_and(|count| count >= MAX_STATIC_TOKENS) {
                return Ok(Kept::TooMany);
            }
            token.insert_into(access_tokens::table).execute(c).await?;
            let row = (row, static_tokens::application_id.eq(application));
            diesel::insert_into(static_tokens::table).values(row).execute(c).await?;
            Ok::<_, Error>(Kept::Done)
        })
    }
}
