//! `signing_key`: the public side of the keys that sign tokens.

use actix_web::web;
use paylent_crypto::keys::KeySize;
use paylent_domain::{
    Id, Invalid, Timestamp,
    policy::Resource as Managed,
    signing_key::{NewSigningKey, SigningKey},
};
use paylent_jsonapi::{Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, Page};

use super::{BY_CREATION, BY_ID, BY_TIME};
use crate::{
    Answering,
    attributes::{optional, read},
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::Failure,
    filters::Filters,
    handlers::verb,
};

static SCHEMA: Schema = Schema {
    kind: "signing_key",
    attributes: &["kid", "algorithm", "key_size", "status", "primary", "created_at", "updated_at", "deactivated_at"],
    relationships: &[],
    includes: &[],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME],
    others: &[],
};

impl Entity for SigningKey {
    const MANAGED: Managed = Managed::SigningKeys;
    const SCHEMA: &'static Schema = &SCHEMA;
    type Filter = ();

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("kid", self.kid.as_str())
            .attribute("algorithm", self.algorithm.as_str())
            .attribute("key_size", self.key_size)
            .attribute("status", self.status.as_str())
            .attribute("primary", self.primary)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
            .attribute("deactivated_at", self.deactivated_at.map(|at| at.to_string()))
    }

    fn filter(_: &Filters<'_>, _: &Call) -> Option<()> {
        Some(())
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.signing_key_by_id(id).await
    }

    async fn list(env: &Env, (): (), page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.signing_keys(page).await
    }
}

impl Create for SigningKey {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (size, publish_only) = read(document, |given| {
            optional(given, "algorithm", algorithm);
            let size = optional(given, "key_size", key_size).unwrap_or(KeySize::Rsa2048);
            Some((size, given.optional::<bool>("publish_only").unwrap_or_default()))
        })?;
        let (keys, realm) = (call.settings.keys.clone(), call.tenant().oauth.realm);
        let generated = web::block(move || keys.generate(realm, size)).await??;
        let key = NewSigningKey {
            id: call.new_id(),
            kid: generated.kid,
            key_size: i32::try_from(size.bits()).unwrap_or_default(),
            public_jwk: generated.public_jwk,
            sealed_private_key: generated.sealed,
            primary: !publish_only,
        };
        Ok(call.env.create_signing_key(key, &call.by).await?.into())
    }
}

impl Delete for SigningKey {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.delete_signing_key(self.id, expected, &call.by).await?)
    }
}

/// `PATCH /signing-keys/{id}/deactivate`
pub(crate) fn deactivate(call: Call) -> Answering {
    Box::pin(verb::<SigningKey>(call, async |call, key, expected| {
        Ok(call.env.deactivate_signing_key(key.id, expected, &call.by).await?.map(Created::from))
    }))
}

/// `PATCH /signing-keys/{id}/set-primary`
pub(crate) fn set_primary(call: Call) -> Answering {
    Box::pin(verb::<SigningKey>(call, async |call, key, expected| {
        Ok(call.env.set_primary_signing_key(key.id, expected, &call.by).await?.map(Created::from))
    }))
}

fn algorithm(name: String) -> Result<(), Invalid> {
    if name.eq_ignore_ascii_case("RS256") { Ok(()) } else { Err(Invalid("must be RS256")) }
}

fn key_size(bits: i64) -> Result<KeySize, Invalid> {
    let size = u32::try_from(bits).ok().and_then(|bits| KeySize::try_from(bits).ok());
    size.ok_or(Invalid("must be 2048, 3072 or 4096"))
}
