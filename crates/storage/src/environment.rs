//! The settings of an environment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Timestamp,
    audit::{Context, Event},
    environment::{EnvironmentSettings, Handle, SettingsChange},
};

use crate::{
    Env, Error, Expected, Result,
    audit::entry,
    directory::LifetimesRow,
    key::Key,
    pool::on,
    schema::{audit_events, environments},
};

/// What a row of `environments` says of its settings.
#[derive(Queryable, Selectable)]
#[diesel(table_name = environments)]
struct SettingsRow {
    id: Key,
    handle: String,
    name: Option<String>,
    registration_enabled: bool,
    session_ttl: i64,
    session_idle_ttl: i64,
    invitation_ttl: i64,
    password_min_length: i32,
    #[diesel(embed)]
    lifetimes: LifetimesRow,
    created_at: i64,
    updated_at: i64,
}

/// What an update writes; `None` leaves the column as it is.
#[derive(AsChangeset)]
#[diesel(table_name = environments)]
struct Changes {
    name: Option<Option<String>>,
    registration_enabled: Option<bool>,
    session_ttl: Option<i64>,
    session_idle_ttl: Option<i64>,
    invitation_ttl: Option<i64>,
    password_min_length: Option<i32>,
    code_ttl: Option<i64>,
    refresh_grace: Option<i64>,
    refresh_absolute_ttl: Option<Option<i64>>,
}

impl From<SettingsRow> for EnvironmentSettings {
    fn from(row: SettingsRow) -> Self {
        Self {
            id: row.id.id(),
            handle: Handle::stored(row.handle),
            name: row.name,
            registration_enabled: row.registration_enabled,
            session_ttl: row.session_ttl,
            session_idle_ttl: row.session_idle_ttl,
            invitation_ttl: row.invitation_ttl,
            password_min_length: row.password_min_length,
            lifetimes: row.lifetimes.into(),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

impl From<SettingsChange> for Changes {
    fn from(change: SettingsChange) -> Self {
        let SettingsChange {
            name,
            registration_enabled,
            session_ttl,
            session_idle_ttl,
            invitation_ttl,
            password_min_length,
            code_ttl,
            refresh_grace,
            refresh_absolute_ttl,
        } = change;
        Self {
            name,
            registration_enabled,
            session_ttl,
            session_idle_ttl,
            invitation_ttl,
            password_min_length,
            code_ttl,
            refresh_grace,
            refresh_absolute_ttl,
        }
    }
}

impl Env {
    /// The environment's settings.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn settings(&self) -> Result<EnvironmentSettings> {
        let environment = self.key();
        let row: SettingsRow = on!(self.db, lookup, |c| {
            let row = environments::table.find(environment).select(SettingsRow::as_select());
            Ok::<_, Error>(row.get_result(c).await?)
        })?;
        Ok(row.into())
    }

    /// Changes the environment's settings.
    ///
    /// # Errors
    /// `Refused` when they are not as expected.
    pub async fn update_settings(
        &self,
        change: SettingsChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<EnvironmentSettings> {
        let (environment, by, expected) = (self.key(), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let row = environments::table.find(environment);
            // Locks the row and reads what it was.
            let lock = diesel::update(row).set(environments::updated_at.eq(environments::updated_at));
            let before: SettingsRow = lock.returning(SettingsRow::as_returning()).get_result(c).await?;
            let before = EnvironmentSettings::from(before);
            expected.check(before.updated_at.micros())?;
            let at = environments::updated_at.eq(by.at.after(before.updated_at).micros());
            let after = diesel::update(row).set((Changes::from(change), at)).returning(SettingsRow::as_returning());
            let after: SettingsRow = after.get_result(c).await?;
            let after = EnvironmentSettings::from(after);
            let event = updated(&before, &after);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(after)
        })
    }
}

fn updated(before: &EnvironmentSettings, after: &EnvironmentSettings) -> Event {
    let event = Event::new("environment.updated", "environment", after.id, after.handle.as_str());
    let seconds = |value: i64| Some(value.to_string());
    let enabled = |settings: &EnvironmentSettings| Some(settings.registration_enabled.to_string());
    let limit = |settings: &EnvironmentSettings| settings.lifetimes.refresh_absolute_ttl.map(|ttl| ttl.to_string());
    let length = |settings: &EnvironmentSettings| Some(settings.password_min_length.to_string());
    event
        .change("name", before.name.clone(), after.name.clone())
        .change("registration_enabled", enabled(before), enabled(after))
        .change("session_ttl", seconds(before.session_ttl), seconds(after.session_ttl))
        .change("session_idle_ttl", seconds(before.session_idle_ttl), seconds(after.session_idle_ttl))
        .change("invitation_ttl", seconds(before.invitation_ttl), seconds(after.invitation_ttl))
        .change("password_min_length", length(before), length(after))
        .change("code_ttl", seconds(before.lifetimes.code_ttl), seconds(after.lifetimes.code_ttl))
        .change("refresh_grace", seconds(before.lifetimes.refresh_grace), seconds(after.lifetimes.refresh_grace))
        .change("refresh_absolute_ttl", limit(before), limit(after))
}
