//! Authorization codes and what they are exchanged for.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Timestamp, scope::Scopes};
use paylent_oauth::{
    crypto::secret::SecretHash,
    store::{AuthorizationCode, Connected, Exchange, Exchanged, Family, MAX_WRONG_VERIFIERS, PresentedCode, agreed},
};

use super::{
    connect::{Party, agree, connection_of, covering_connection, lock_parties},
    ownership::{ConnectedRow, OwnershipRow},
    parties::{AudienceRow, PartiesRow, SessionEnd},
    refresh::{FamilyRow, RefreshTokenRow},
    rows::{AccessTokenRow, hash},
};
use crate::{
    Env, Error, Result,
    authority::{json, names},
    key::Key,
    pool::on,
    prepared::Prepare as _,
    schema::{
        access_tokens, applications, audiences, authorization_codes, clients, connections, consents, environments,
        parties, refresh_tokens, sessions, token_families,
    },
};

/// A row of `authorization_codes`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = authorization_codes, treat_none_as_default_value = false)]
struct CodeRow {
    environment_id: Key,
    code_hash: Vec<u8>,
    request_id: String,
    client_id: String,
    user_id: Key,
    session_id: Key,
    redirect_uri: String,
    redirect_uri_sent: bool,
    audience: String,
    scope: String,
    nonce: Option<String>,
    code_challenge: Option<Vec<u8>>,
    auth_time: i64,
    amr: String,
    id_token_claims: String,
    client_generation: i64,
    user_generation: i64,
    issued_at: i64,
    expires_at: i64,
    wrong_verifiers: i32,
    family_id: Option<Key>,
    organization_id: Option<Key>,
    connection_id: Option<Key>,
}

/// A row of `consents`.
#[derive(Clone, Insertable)]
#[diesel(table_name = consents, treat_none_as_default_value = false)]
struct ConsentRow {
    environment_id: Key,
    user_id: Key,
    client_id: String,
    audience: String,
    scope: String,
    created_at: i64,
}

impl ConsentRow {
    /// Nothing yet, of whoever answered for this code.
    fn of(code: &CodeRow) -> Self {
        Self {
            environment_id: code.environment_id,
            user_id: code.user_id,
            client_id: code.client_id.clone(),
            audience: code.audience.clone(),
            scope: String::new(),
            created_at: code.issued_at,
        }
    }

    fn key(&self) -> (Key, Key, String, String) {
        (self.environment_id, self.user_id, self.client_id.clone(), self.audience.clone())
    }
}

impl CodeRow {
    fn new(environment_id: Key, code: AuthorizationCode) -> Self {
        Self {
            environment_id,
            code_hash: code.hash.as_bytes().to_vec(),
            request_id: code.request_id,
            client_id: code.client_id,
            user_id: code.user_id.into(),
            session_id: code.session_id.into(),
            redirect_uri: code.redirect_uri,
            redirect_uri_sent: code.redirect_uri_sent,
            audience: code.audience,
            scope: code.scopes.to_string(),
            nonce: code.nonce,
            code_challenge: code.code_challenge.map(|challenge| challenge.as_bytes().to_vec()),
            auth_time: code.auth_time.micros(),
            amr: json(code.amr.iter().map(String::as_str)),
            id_token_claims: json(code.id_token_claims.iter().map(String::as_str)),
            client_generation: code.client_generation,
            user_generation: code.user_generation,
            issued_at: code.issued_at.micros(),
            expires_at: code.expires_at.micros(),
            wrong_verifiers: 0,
            family_id: None,
            organization_id: code.organization_id.map(Key::from),
            connection_id: None,
        }
    }

    fn read(self) -> Result<AuthorizationCode> {
        Ok(AuthorizationCode {
            hash: hash(self.code_hash)?,
            request_id: self.request_id,
            client_id: self.client_id,
            user_id: self.user_id.id(),
            session_id: self.session_id.id(),
            redirect_uri: self.redirect_uri,
            redirect_uri_sent: self.redirect_uri_sent,
            audience: self.audience,
            scopes: Scopes::stored(&self.scope),
            nonce: self.nonce,
            code_challenge: self.code_challenge.map(hash).transpose()?,
            auth_time: Timestamp::from_micros(self.auth_time),
            amr: names(&self.amr)?,
            id_token_claims: names(&self.id_token_claims)?,
            organization_id: self.organization_id.map(Key::id),
            for_organization: false,
            issued_at: Timestamp::from_micros(self.issued_at),
            expires_at: Timestamp::from_micros(self.expires_at),
            client_generation: self.client_generation,
            user_generation: self.user_generation,
        })
    }
}

impl Env {
    pub(super) async fn keep_code(&self, code: AuthorizationCode, asked: Option<Scopes>) -> Result<bool> {
        let (for_organization, granted) = (code.for_organization, code.scopes.clone());
        let by = self.context(code.issued_at);
        let mut row = CodeRow::new(self.key(), code);
        let kept = on!(self.db, transaction, |c| {
            let this = clients::environment_id.eq(row.environment_id).and(clients::client_id.eq(row.client_id.clone()));
            let application = applications::environment_id.eq(clients::environment_id);
            let application = applications::table.on(application.and(applications::id.eq(clients::id)));
            let application = clients::table.inner_join(application).filter(this).select(applications::id);
            let application: Option<Key> = application.get_result(c).await.optional()?;
            if let Some(application) = application {
                let party = Party {
                    environment: row.environment_id,
                    application,
                    organization: row.organization_id,
                    user: row.user_id,
                    for_organization,
                };
                row.connection_id = match asked {
                    None => covering_connection!(c, party, &granted),
                    Some(asked) => agree!(c, party, &asked, &granted, by),
                };
                row.insert_into(authorization_codes::table).execute(c).await?;
                return Ok(());
            }
            let consent = asked.map(|asked| (asked, ConsentRow::of(&row)));
            row.insert_into(authorization_codes::table).execute(c).await?;
            if let Some((asked, consent)) = consent {
                // What is agreed to is read and locked in one: two answers at once, or an answer and a withdrawal, come
                // one after the other.
                let key = (consents::environment_id, consents::user_id, consents::client_id, consents::audience);
                let this = consents::table.find(consent.key());
                let renewed = consents::created_at.eq(consent.created_at);
                let known = diesel::insert_into(consents::table).values(consent).on_conflict(key).do_update();
                let known: String = known.set(renewed).returning(consents::scope).get_result(c).await?;
                let scopes = agreed(Some(&Scopes::stored(&known)), &asked, &granted);
                diesel::update(this).set(consents::scope.eq(scopes.to_string())).execute(c).await?;
            }
            Ok(())
        });
        match kept {
            Ok(()) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn presented_code(&self, hash: &SecretHash) -> Result<Option<PresentedCode>> {
        let (environment, hash) = (self.key(), hash.as_bytes().to_vec());
        let management_api = self.tenant().management_api();
        type Row = (CodeRow, PartiesRow, SessionEnd, Option<AudienceRow>, Option<OwnershipRow>, Option<ConnectedRow>);
        let is_this = management_api.clone();
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let found =
                authorization_codes::table
                    .inner_join(
                        parties::table.on(parties::environment_id
                            .eq(environment)
                            .and(parties::client_id.eq(authorization_codes::client_id))
                            .and(parties::user_id.eq(authorization_codes::user_id))),
                    )
                    .inner_join(environments::table.on(environments::id.eq(environment)))
                    .left_join(sessions::table.on(
                        sessions::environment_id.eq(environment).and(sessions::id.eq(authorization_codes::session_id)),
                    ))
                    .left_join(audiences::table.on(
                        audiences::environment_id.eq(environment).and(
                            audiences::identifier.eq(authorization_codes::audience.nullable()).or(
                                audiences::system.eq(true).and(authorization_codes::audience.eq(is_this)).nullable(),
                            ),
                        ),
                    ))
                    .left_join(
                        applications::table
                            .on(applications::environment_id.eq(environment).and(applications::id.eq(parties::id))),
                    )
                    .left_join(
                        connections::table.on(connections::environment_id
                            .eq(environment)
                            .and(connections::id.nullable().eq(authorization_codes::connection_id))),
                    )
                    .filter(authorization_codes::environment_id.eq(environment))
                    .filter(authorization_codes::code_hash.eq(hash))
                    .select((
                        CodeRow::as_select(),
                        PartiesRow::as_select(),
                        (
                            (sessions::expires_at, sessions::last_activity_at, sessions::revoked_at).nullable(),
                            environments::session_idle_ttl,
                        ),
                        Option::<AudienceRow>::as_select(),
                        Option::<OwnershipRow>::as_select(),
                        Option::<ConnectedRow>::as_select(),
                    ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        row.map(|(code, parties, session, audience, application, connection)| {
            let (family_id, wrong) = (code.family_id.map(Key::id), code.wrong_verifiers);
            Ok(PresentedCode {
                code: code.read()?,
                family_id,
                wrong_verifiers: u32::try_from(wrong).unwrap_or(u32::MAX),
                connection: connection.map(Connected::from),
                parties: parties.read(session, audience, application, &management_api)?,
            })
        })
        .transpose()
    }

    pub(super) async fn count_wrong_verifier(&self, hash: &SecretHash) -> Result<()> {
        let (environment, hash) = (self.key(), hash.as_bytes().to_vec());
        on!(self.db, write, |c| {
            diesel::update(authorization_codes::table.find((environment, hash)))
                .set(authorization_codes::wrong_verifiers.eq(authorization_codes::wrong_verifiers + 1))
                .execute(c)
                .await?;
            Ok::<_, Error>(())
        })
    }
}

impl Env {
    /// Consumes the code by one compare-and-set; the session's row is locked with it, so that the family either comes
    /// before the session's end or not at all.
    pub(super) async fn exchange_code(&self, exchange: Exchange) -> Result<Exchanged> {
        let environment = self.key();
        let code = exchange.code.as_bytes().to_vec();
        let session = Key::from(exchange.family.session_id);
        let until = exchange.refresh.as_ref().map(|refresh| refresh.expires_at);
        let access = exchange.access.map(|token| AccessTokenRow::new(environment, token));
        let mut family = FamilyRow::new(environment, exchange.family, until);
        let refresh = exchange.refresh.map(|token| RefreshTokenRow::new(environment, token));
        let family_id = family.id;
        on!(self.db, transaction, |c| {
            let open = sessions::table.find((environment, session)).filter(sessions::revoked_at.is_null());
            let lock = diesel::update(open).set(sessions::token_hash.eq(sessions::token_hash)).prepared();
            let is_open = lock.execute(c).await? == 1;
            let this = authorization_codes::table.find((environment, code));
            let consumed: Option<Option<Key>> = if is_open {
                let usable = this
                    .clone()
                    .filter(authorization_codes::family_id.is_null())
                    .filter(authorization_codes::wrong_verifiers.lt(MAX_WRONG_VERIFIERS as i32));
                let consume = diesel::update(usable).set(authorization_codes::family_id.eq(family_id));
                consume.returning(authorization_codes::connection_id).prepared().get_result(c).await.optional()?
            } else {
                None
            };
            let Some(connection) = consumed else {
                let replayed: Option<Option<Key>> =
                    this.select(authorization_codes::family_id).get_result(c).await.optional()?;
                return Ok(match replayed.flatten() {
                    Some(family) => Exchanged::Replayed(family.id::<Family>()),
                    None => Exchanged::Gone,
                });
            };
            family.connection_id = connection;
            family.insert_into(token_families::table).execute(c).await?;
            if let Some(refresh) = refresh {
                refresh.insert_into(refresh_tokens::table).execute(c).await?;
            }
            if let Some(access) = access {
                access.insert_into(access_tokens::table).execute(c).await?;
            }
            Ok(Exchanged::Done)
        })
    }
}
