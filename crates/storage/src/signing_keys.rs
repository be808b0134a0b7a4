//! Signing keys of an environment: at most one is primary, and while one is active one is.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    signing_key::{KeyStatus, NewSigningKey, SigningKey},
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    audit::entry,
    error::{Refusal, broken},
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, clients, environments, signing_keys},
};

/// A row of `signing_keys`, without the private key.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub(crate) struct SigningKeyRow {
    id: Key,
    kid: String,
    algorithm: String,
    key_size: i32,
    status: String,
    is_primary: bool,
    created_at: i64,
    deactivated_at: Option<i64>,
    updated_at: i64,
}

/// A whole row of `signing_keys`.
#[derive(Clone, Insertable)]
#[diesel(table_name = signing_keys, treat_none_as_default_value = false)]
pub(crate) struct NewSigningKeyRow {
    environment_id: Key,
    id: Key,
    kid: String,
    algorithm: &'static str,
    key_size: i32,
    public_jwk: String,
    sealed_private_key: Vec<u8>,
    status: &'static str,
    is_primary: bool,
    created_at: i64,
    deactivated_at: Option<i64>,
    updated_at: i64,
}

impl TryFrom<SigningKeyRow> for SigningKey {
    type Error = Error;

    fn try_from(row: SigningKeyRow) -> Result<Self> {
        Ok(Self {
            id: row.id.id(),
            kid: row.kid,
            algorithm: row.algorithm,
            key_size: row.key_size,
            status: row.status.parse::<KeyStatus>().map_err(broken)?,
            primary: row.is_primary,
            created_at: Timestamp::from_micros(row.created_at),
            deactivated_at: row.deactivated_at.map(Timestamp::from_micros),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

impl SigningKeyRow {
    /// When a change at `at` shows: after the change before.
    fn next_version(&self, at: Timestamp) -> i64 {
        at.after(Timestamp::from_micros(self.updated_at)).micros()
    }
}

impl NewSigningKeyRow {
    pub(crate) fn new(environment_id: Key, key: NewSigningKey, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: key.id.into(),
            kid: key.kid,
            algorithm: "RS256",
            key_size: key.key_size,
            public_jwk: key.public_jwk,
            sealed_private_key: key.sealed_private_key,
            status: KeyStatus::Active.as_str(),
            is_primary: key.primary,
            created_at: at.micros(),
            deactivated_at: None,
            updated_at: at.micros(),
        }
    }
}

/// The statement that makes changes to an environment's keys happen one after the other.
macro_rules! lock_keys {
    ($c:ident, $environment:expr) => {
        diesel::update(environments::table.find($environment))
            .set(environments::updated_at.eq(environments::updated_at))
            .execute($c)
            .await?
    };
}

impl Env {
    /// The signing keys.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn signing_keys(&self, page: Page) -> Result<Listed<SigningKey>> {
        let environment = self.key();
        let rows: (Vec<SigningKeyRow>, _) = on!(self.db, read, |c| {
            let matching = || signing_keys::table.filter(signing_keys::environment_id.eq(environment)).into_boxed();
            page!(c, page, signing_keys::id, SigningKeyRow::as_select(), matching())
        })?;
        Listed::of(rows, SigningKey::try_from)
    }

    /// The signing key of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn signing_key_by_id(&self, id: Id<SigningKey>) -> Result<Option<SigningKey>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<SigningKeyRow> = on!(self.db, lookup, |c| {
            let row =
                signing_keys::table.find((environment, id)).select(SigningKeyRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        row.map(SigningKey::try_from).transpose()
    }

    /// Adds a signing key; a primary one takes the place of the one before. The first key is always primary.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn create_signing_key(&self, key: NewSigningKey, by: &Context) -> Result<SigningKey> {
        let environment = self.key();
        let audit = entry(environment, by, &Event::new("signing_key.generated", "signing_key", key.id, &key.kid))?;
        let mut row = NewSigningKeyRow::new(environment, key, by.at);
        let row: SigningKeyRow = on!(self.db, transaction, |c| {
            lock_keys!(c, environment);
            let all = signing_keys::table.filter(signing_keys::environment_id.eq(environment));
            let primary = all.filter(signing_keys::is_primary.eq(true));
            if row.is_primary {
                let since = signing_keys::updated_at.eq(row.updated_at);
                diesel::update(primary).set((signing_keys::is_primary.eq(false), since)).execute(c).await?;
            } else {
                row.is_primary = primary.count().get_result::<i64>(c).await? == 0;
            }
            let row =
                row.insert_into(signing_keys::table).returning(SigningKeyRow::as_returning()).get_result(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        SigningKey::try_from(row)
    }

    /// Stops accepting a key's signatures, from now on and for good. If it was primary, the newest active key takes
    /// its place. `None` when there is no such key.
    ///
    /// # Errors
    /// `Refused` when it is not active, is the last active one while clients use signed tokens, or is not as expected.
    pub async fn deactivate_signing_key(
        &self,
        id: Id<SigningKey>,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<SigningKey>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_keys!(c, environment);
            let this = signing_keys::table.find((environment, key));
            let found: Option<SigningKeyRow> =
                this.select(SigningKeyRow::as_select()).get_result(c).await.optional()?;
            let Some(found) = found else { return Ok(None) };
            expected.check(found.updated_at)?;
            let at = found.next_version(by.at);
            if found.status != KeyStatus::Active.as_str() {
                return Err(Error::Refused(Refusal::InactiveKey));
            }
            let gone: SigningKeyRow = diesel::update(this)
                .set((
                    signing_keys::status.eq(KeyStatus::Inactive.as_str()),
                    signing_keys::is_primary.eq(false),
                    signing_keys::deactivated_at.eq(at),
                    signing_keys::updated_at.eq(at),
                ))
                .returning(SigningKeyRow::as_returning())
                .get_result(c)
                .await?;
            let newest: Option<Key> = signing_keys::table
                .filter(signing_keys::environment_id.eq(environment).and(signing_keys::status.eq("active")))
                .order(signing_keys::id.desc())
                .select(signing_keys::id)
                .get_result(c)
                .await
                .optional()?;
            match newest {
                Some(newest) if found.is_primary => {
                    let heir = diesel::update(signing_keys::table.find((environment, newest)));
                    heir.set((signing_keys::is_primary.eq(true), signing_keys::updated_at.eq(at))).execute(c).await?;
                }
                Some(_) => {}
                None => {
                    let signed = clients::table
                        .filter(clients::environment_id.eq(environment).and(clients::token_format.eq("jwt")));
                    if signed.count().get_result::<i64>(c).await? > 0 {
                        return Err(Error::Refused(Refusal::LastKey));
                    }
                }
            }
            let event = Event::new("signing_key.deactivated", "signing_key", id, &gone.kid);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(SigningKey::try_from(gone)?))
        })
    }

    /// Lets an active key sign from now on, in place of the one before. `None` when there is no such key.
    ///
    /// # Errors
    /// `Refused` when it is not active, or is not as expected.
    pub async fn set_primary_signing_key(
        &self,
        id: Id<SigningKey>,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<SigningKey>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_keys!(c, environment);
            let this = signing_keys::table.find((environment, key));
            let found: Option<SigningKeyRow> =
                this.select(SigningKeyRow::as_select()).get_result(c).await.optional()?;
            let Some(found) = found else { return Ok(None) };
            expected.check(found.updated_at)?;
            if found.status != KeyStatus::Active.as_str() {
                return Err(Error::Refused(Refusal::InactiveKey));
            }
            if found.is_primary {
                return Ok(Some(SigningKey::try_from(found)?));
            }
            let primary = signing_keys::environment_id.eq(environment).and(signing_keys::is_primary.eq(true));
            let primary = diesel::update(signing_keys::table.filter(primary));
            let since = signing_keys::updated_at.eq(found.next_version(by.at));
            primary.set((signing_keys::is_primary.eq(false), since)).execute(c).await?;
            let heir = diesel::update(this).set((signing_keys::is_primary.eq(true), since));
            let heir: SigningKeyRow = heir.returning(SigningKeyRow::as_returning()).get_result(c).await?;
            let event = Event::new("signing_key.set_primary", "signing_key", id, &heir.kid);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(SigningKey::try_from(heir)?))
        })
    }

    /// Deletes an inactive key, and says whether there was one. Its `kid` is random, so it does not come back.
    ///
    /// # Errors
    /// `Refused` when it is active, or is not as expected.
    pub async fn delete_signing_key(&self, id: Id<SigningKey>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_keys!(c, environment);
            let this = signing_keys::table.find((environment, key));
            let found: Option<SigningKeyRow> =
                this.select(SigningKeyRow::as_select()).get_result(c).await.optional()?;
            let Some(found) = found else { return Ok(false) };
            expected.check(found.updated_at)?;
            if found.status == KeyStatus::Active.as_str() {
                return Err(Error::Refused(Refusal::ActiveKey));
            }
            diesel::delete(this).execute(c).await?;
            let event = Event::new("signing_key.deleted", "signing_key", id, &found.kid);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
