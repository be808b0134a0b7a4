//! `environment`: what the people who run an environment decide about it. There is one, at the path itself.

use std::ops::RangeInclusive;

use paylent_domain::{
    Id, Invalid, Timestamp,
    environment::{
        CODE_TTL, EnvironmentSettings, INVITATION_TTL, MAX_NAME, PASSWORD_MIN_LENGTH, REFRESH_ABSOLUTE_TTL,
        REFRESH_GRACE, SESSION_TTL, SettingsChange,
    },
    policy::Resource as Managed,
    text,
};
use paylent_jsonapi::{Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, Page};

use crate::{
    attributes::{nullable, optional, read},
    call::Call,
    entity::{Entity, Update},
    failure::Failure,
    filters::Filters,
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "environment",
    attributes: &[
        "handle",
        "name",
        "registration_enabled",
        "session_ttl",
        "session_idle_ttl",
        "invitation_ttl",
        "password_min_length",
        "code_ttl",
        "refresh_grace",
        "refresh_absolute_ttl",
        "created_at",
        "updated_at",
    ],
    relationships: &[],
    includes: &[],
    sorts: &[],
    filters: &[],
    others: &[],
};

impl Entity for EnvironmentSettings {
    const MANAGED: Managed = Managed::Environment;
    const SCHEMA: &'static Schema = &SCHEMA;
    const SINGLE: bool = true;
    type Filter = ();

    fn id(&self) -> Id<Self> {
        Id::from_bytes(*self.id.as_bytes())
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("handle", self.handle.as_str())
            .attribute("name", self.name.as_deref())
            .attribute("registration_enabled", self.registration_enabled)
            .attribute("session_ttl", self.session_ttl)
            .attribute("session_idle_ttl", self.session_idle_ttl)
            .attribute("invitation_ttl", self.invitation_ttl)
            .attribute("password_min_length", self.password_min_length)
            .attribute("code_ttl", self.lifetimes.code_ttl)
            .attribute("refresh_grace", self.lifetimes.refresh_grace)
            .attribute("refresh_absolute_ttl", self.lifetimes.refresh_absolute_ttl)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(_: &Filters<'_>, _: &Call) -> Option<()> {
        Some(())
    }

    async fn find(env: &Env, _: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.settings().await.map(Some)
    }

    async fn list(env: &Env, (): (), _: Page) -> paylent_storage::Result<Listed<Self>> {
        Ok(Listed { rows: vec![env.settings().await?], total: Some(1) })
    }
}

impl Update for EnvironmentSettings {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let change = read(document, |given| {
            let name = nullable(given, "name", |name: String| text::one_line(&name, MAX_NAME).map(|()| name));
            let limit = nullable(given, "refresh_absolute_ttl", within(REFRESH_ABSOLUTE_TTL, REFRESH_ABSOLUTE_SECONDS));
            Some(SettingsChange {
                name: name.change(),
                registration_enabled: given.optional("registration_enabled"),
                session_ttl: optional(given, "session_ttl", within(SESSION_TTL, SECONDS)),
                session_idle_ttl: optional(given, "session_idle_ttl", within(SESSION_TTL, SECONDS)),
                invitation_ttl: optional(given, "invitation_ttl", within(INVITATION_TTL, INVITATION_SECONDS)),
                password_min_length: optional(given, "password_min_length", |length: i64| {
                    let length = i32::try_from(length).ok().filter(|length| PASSWORD_MIN_LENGTH.contains(length));
                    length.ok_or(Invalid("must be 8 to 64"))
                }),
                code_ttl: optional(given, "code_ttl", within(CODE_TTL, CODE_SECONDS)),
                refresh_grace: optional(given, "refresh_grace", within(REFRESH_GRACE, GRACE_SECONDS)),
                refresh_absolute_ttl: limit.change(),
            })
        })?;
        Ok(Some(call.env.update_settings(change, expected, &call.by).await?))
    }
}

const SECONDS: Invalid = Invalid("must be 300 to 31536000 seconds");
const INVITATION_SECONDS: Invalid = Invalid("must be 3600 to 7776000 seconds");
const CODE_SECONDS: Invalid = Invalid("must be 60 to 600 seconds");
const GRACE_SECONDS: Invalid = Invalid("must be 0 to 60 seconds");
const REFRESH_ABSOLUTE_SECONDS: Invalid = Invalid("must be 3600 to 315360000 seconds, or null for no limit");

fn within(range: RangeInclusive<i64>, rule: Invalid) -> impl FnOnce(i64) -> Result<i64, Invalid> {
    move |seconds| if range.contains(&seconds) { Ok(seconds) } else { Err(rule) }
}
