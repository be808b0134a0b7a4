//! Families of tokens and the refresh tokens in them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, scope::Scopes};
use paylent_oauth::{
    crypto::secret::SecretHash,
    store::{Connected, Consumed, Family, PresentedRefreshToken, RefreshToken, Rotated, Rotation},
};

use super::{
    ownership::{ConnectedRow, OwnershipRow},
    parties::{AudienceRow, PartiesRow, SessionEnd},
    rows::{AccessTokenRow, hash},
};
use crate::{
    Env, Error, Result,
    authority::{json, names},
    error::broken,
    key::Key,
    pool::on,
    prepared::Prepare as _,
    schema::{
        access_tokens, applications, audiences, connections, environments, parties, refresh_tokens, sessions,
        token_families,
    },
};

/// How long a family is remembered after its last token is dead: a day.
const REMEMBERED: i64 = 24 * 3_600;
/// How long the longest access token lives: a day.
const LONGEST_ACCESS: i64 = 24 * 3_600;

/// A row of `token_families`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = token_families, treat_none_as_default_value = false)]
pub(super) struct FamilyRow {
    environment_id: Key,
    pub id: Key,
    client_id: String,
    user_id: Key,
    session_id: Key,
    audience: String,
    scope: String,
    auth_time: i64,
    amr: String,
    id_token_claims: String,
    client_generation: i64,
    user_generation: i64,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    organization_id: Option<Key>,
    pub connection_id: Option<Key>,
}

/// A row of `refresh_tokens`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens, treat_none_as_default_value = false)]
pub(super) struct RefreshTokenRow {
    environment_id: Key,
    token_hash: Vec<u8>,
    family_id: Key,
    issued_at: i64,
    expires_at: i64,
    consumed_at: Option<i64>,
    parameters: Option<Vec<u8>>,
    response: Option<Vec<u8>>,
    successor_hash: Option<Vec<u8>>,
}

impl FamilyRow {
    /// A family is remembered for a day longer than its last token can live.
    pub(super) fn new(environment_id: Key, family: Family, refresh_until: Option<Timestamp>) -> Self {
        let access_until = family.created_at.plus_seconds(LONGEST_ACCESS);
        let last = refresh_until.map_or(access_until, |until| until.max(access_until));
        Self {
            environment_id,
            id: family.id.into(),
            client_id: family.client_id,
            user_id: family.user_id.into(),
            session_id: family.session_id.into(),
            audience: family.audience,
            scope: family.scopes.to_string(),
            auth_time: family.auth_time.micros(),
            amr: json(family.amr.iter().map(String::as_str)),
            id_token_claims: json(family.id_token_claims.iter().map(String::as_str)),
            client_generation: family.client_generation,
            user_generation: family.user_generation,
            created_at: family.created_at.micros(),
            expires_at: last.plus_seconds(REMEMBERED).micros(),
            revoked_at: None,
            organization_id: family.organization_id.map(Key::from),
            connection_id: None,
        }
    }

    fn read(self) -> Result<Family> {
        Ok(Family {
            id: self.id.id(),
            client_id: self.client_id,
            user_id: self.user_id.id(),
            session_id: self.session_id.id(),
            audience: self.audience,
            scopes: Scopes::stored(&self.scope),
            auth_time: Timestamp::from_micros(self.auth_time),
            amr: names(&self.amr)?,
            id_token_claims: names(&self.id_token_claims)?,
            organization_id: self.organization_id.map(Key::id),
            created_at: Timestamp::from_micros(self.created_at),
            client_generation: self.client_generation,
            user_generation: self.user_generation,
        })
    }
}

impl RefreshTokenRow {
    pub(super) fn new(environment_id: Key, token: RefreshToken) -> Self {
        Self {
            environment_id,
            token_hash: token.hash.as_bytes().to_vec(),
            family_id: token.family_id.into(),
            issued_at: token.issued_at.micros(),
            expires_at: token.expires_at.micros(),
            consumed_at: None,
            parameters: None,
            response: None,
            successor_hash: None,
        }
    }

    /// The token, and its use if it was used.
    fn read(self, successor_used: bool) -> Result<(RefreshToken, Option<Consumed>)> {
        let consumed = match (self.consumed_at, self.parameters, self.response) {
            (Some(at), Some(parameters), Some(response)) => Some(Consumed {
                at: Timestamp::from_micros(at),
                parameters: parameters.try_into().map_err(|_| broken("a fingerprint that has not 32 bytes"))?,
                response,
                successor_used,
            }),
            _ => None,
        };
        let token = RefreshToken {
            hash: hash(self.token_hash)?,
            family_id: self.family_id.id(),
            issued_at: Timestamp::from_micros(self.issued_at),
            expires_at: Timestamp::from_micros(self.expires_at),
        };
        Ok((token, consumed))
    }
}

diesel::alias!(refresh_tokens as successors: Successors);

impl Env {
    pub(super) async fn presented_refresh_token(&self, hash: &SecretHash) -> Result<Option<PresentedRefreshToken>> {
        let (environment, hash) = (self.key(), hash.as_bytes().to_vec());
        let management_api = self.tenant().management_api();
        let is_this = management_api.clone();
        type Row = (
            RefreshTokenRow,
            FamilyRow,
            PartiesRow,
            SessionEnd,
            Option<AudienceRow>,
            Option<OwnershipRow>,
            Option<ConnectedRow>,
            Option<i64>,
        );
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let used = successors
                .filter(successors.field(refresh_tokens::environment_id).eq(environment))
                .filter(successors.field(refresh_tokens::token_hash).nullable().eq(refresh_tokens::successor_hash))
                .select(successors.field(refresh_tokens::consumed_at))
                .single_value();
            let found = refresh_tokens::table
                .inner_join(
                    token_families::table.on(token_families::environment_id
                        .eq(environment)
                        .and(token_families::id.eq(refresh_tokens::family_id))),
                )
                .inner_join(
                    parties::table.on(parties::environment_id
                        .eq(environment)
                        .and(parties::client_id.eq(token_families::client_id))
                        .and(parties::user_id.eq(token_families::user_id))),
                )
                .inner_join(environments::table.on(environments::id.eq(environment)))
                .left_join(
                    sessions::table
                        .on(sessions::environment_id.eq(environment).and(sessions::id.eq(token_families::session_id))),
                )
                .left_join(
                    audiences::table.on(audiences::environment_id.eq(environment).and(
                        audiences::identifier
                            .eq(token_families::audience.nullable())
                            .or(audiences::system.eq(true).and(token_families::audience.eq(is_this)).nullable()),
                    )),
                )
                .left_join(
                    applications::table
                        .on(applications::environment_id.eq(environment).and(applications::id.eq(parties::id))),
                )
                .left_join(
                    connections::table.on(connections::environment_id
                        .eq(environment)
                        .and(connections::id.nullable().eq(token_families::connection_id))),
                )
                .filter(refresh_tokens::environment_id.eq(environment))
                .filter(refresh_tokens::token_hash.eq(hash))
                .select((
                    RefreshTokenRow::as_select(),
                    FamilyRow::as_select(),
                    PartiesRow::as_select(),
                    (
                        (sessions::expires_at, sessions::last_activity_at, sessions::revoked_at).nullable(),
                        environments::session_idle_ttl,
                    ),
                    Option::<AudienceRow>::as_select(),
                    Option::<OwnershipRow>::as_select(),
                    Option::<ConnectedRow>::as_select(),
                    used,
                ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        row.map(|(token, family, parties, session, audience, application, connection, used)| {
            let family_revoked = family.revoked_at.is_some();
            let (token, consumed) = token.read(used.is_some())?;
            Ok(PresentedRefreshToken {
                token,
                consumed,
                family: family.read()?,
                family_revoked,
                connection: connection.map(Connected::from),
                parties: parties.read(session, audience, application, &management_api)?,
            })
        })
        .transpose()
    }

    /// Consumes the token by one compare-and-set, with the family's row locked, so that a revocation comes before or
    /// after all of it.
    pub(super) async fn rotate_refresh_token(&self, rotation: Rotation) -> Result<Rotated> {
        let environment = self.key();
        let presented = rotation.presented.as_bytes().to_vec();
        let successor = RefreshTokenRow::new(environment, rotation.successor);
        let access = rotation.access.map(|token| AccessTokenRow::new(environment, token));
        let remembered = Timestamp::from_micros(successor.expires_at).plus_seconds(REMEMBERED).micros();
        on!(self.db, transaction, |c| {
            let family = token_families::table
                .find((environment, successor.family_id))
                .filter(token_families::revoked_at.is_null());
            let lock = diesel::update(family).set(token_families::expires_at.eq(remembered)).prepared();
            let lives = lock.execute(c).await? == 1;
            let this = refresh_tokens::table.find((environment, presented));
            let consumed = if lives {
                let usable = this
                    .clone()
                    .filter(refresh_tokens::consumed_at.is_null())
                    .filter(refresh_tokens::family_id.eq(successor.family_id));
                let use_it = (
                    refresh_tokens::consumed_at.eq(rotation.at.micros()),
                    refresh_tokens::parameters.eq(rotation.parameters.to_vec()),
                    refresh_tokens::response.eq(rotation.response),
                    refresh_tokens::successor_hash.eq(successor.token_hash.clone()),
                );
                diesel::update(usable).set(use_it).prepared().execute(c).await? == 1
            } else {
                false
            };
            if !consumed {
                let used: Option<Option<i64>> =
                    this.select(refresh_tokens::consumed_at).get_result(c).await.optional()?;
                let outcome = if used.flatten().is_some() { Rotated::AlreadyConsumed } else { Rotated::Gone };
                return Ok(if lives { outcome } else { Rotated::Gone });
            }
            successor.insert_into(refresh_tokens::table).execute(c).await?;
            if let Some(access) = access {
                access.insert_into(access_tokens::table).execute(c).await?;
            }
            Ok(Rotated::Done)
        })
    }

    pub(super) async fn kill_family(&self, id: Id<Family>, at: Timestamp) -> Result<()> {
        let (environment, id) = (self.key(), Key::from(id));
        on!(self.db, write, |c| {
            let live = token_families::table.find((environment, id)).filter(token_families::revoked_at.is_null());
            diesel::update(live).set(token_families::revoked_at.eq(at.micros())).execute(c).await?;
            Ok::<_, Error>(())
        })
    }
}
