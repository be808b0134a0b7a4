//! Access tokens of applications that never expire.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::application::MAX_STATIC_TOKENS;
use paylent_oauth::store::NewStaticToken;

use crate::{
    Env, Error, Result,
    key::Key,
    oauth::AccessTokenRow,
    pool::on,
    schema::{access_tokens, applications, clients, static_tokens},
};

impl Env {
    /// Keeps the token, unless the application has as many as it may have. Its row is locked, so that those who ask at the
    /// same time are counted one after another.
    pub(crate) async fn keep_static_token(&self, new: NewStaticToken) -> Result<bool> {
        let (environment, client_id) = (self.key(), new.token.client_id.clone());
        let token = AccessTokenRow::new(environment, new.token);
        let row = (
            static_tokens::environment_id.eq(environment),
            static_tokens::id.eq(Key::from(new.id)),
            static_tokens::token_hash.eq(token.token_hash.clone()),
            static_tokens::prefix.eq(new.prefix),
            static_tokens::created_at.eq(token.issued_at),
        );
        on!(self.db, transaction, |c| {
            let named = clients::environment_id.eq(environment).and(clients::client_id.eq(client_id));
            let named = clients::table.filter(named).select(clients::id);
            let lock = applications::environment_id.eq(environment).and(applications::id.eq_any(named));
            let lock = diesel::update(applications::table.filter(lock));
            let lock = lock.set(applications::grant_type.eq(applications::grant_type)).returning(applications::id);
            let application: Key = lock.get_result(c).await?;
            let theirs =
                static_tokens::environment_id.eq(environment).and(static_tokens::application_id.eq(application));
            let count: i64 = static_tokens::table.filter(theirs).count().get_result(c).await?;
            if usize::try_from(count).is_ok_and(|count| count >= MAX_STATIC_TOKENS) {
                return Ok(false);
            }
            token.insert_into(access_tokens::table).execute(c).await?;
            let row = (row, static_tokens::application_id.eq(application));
            diesel::insert_into(static_tokens::table).values(row).execute(c).await?;
            Ok::<_, Error>(true)
        })
    }
}
