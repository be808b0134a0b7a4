//! Letters to the people of this environment.

use paylent_domain::{Timestamp, language::Language, mail::NewMail, user::Email};
use paylent_mail::{About, Letter};
use paylent_oauth::Error;
use paylent_storage::Env;

use super::{Visit, fault::Failure};
use crate::Settings;

/// A letter that this environment writes, sealed.
pub(super) fn seal(
    env: &Env,
    settings: &Settings,
    to: &Email,
    language: Language,
    about: About,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<NewMail, paylent_mail::Error> {
    let tenant = env.tenant();
    let letter = Letter {
        language,
        environment: tenant.environment.display_name().to_owned(),
        base_url: tenant.base_url.clone(),
        about,
    };
    settings.letters.seal(tenant.environment.id, to, &letter, now, expires_at)
}

impl Visit {
    /// A letter to this person, sealed, in their language or else the one of the page.
    pub(super) fn seal(
        &self,
        to: &Email,
        language: Option<Language>,
        about: About,
        expires_at: Option<Timestamp>,
    ) -> Result<NewMail, Failure> {
        let language = language.unwrap_or(self.language);
        let sealed = seal(&self.env, &self.settings, to, language, about, self.now, expires_at);
        sealed.map_err(|error| Failure::Failed(Error::unavailable(error)))
    }

    /// Where a new password is asked for.
    pub(super) fn reset_link(&self) -> String {
        format!("{}/password/forgot", self.env.tenant().base_url)
    }
}
