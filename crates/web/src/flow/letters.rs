//! Letters to the people of this environment.

use paylent_domain::{Timestamp, language::Language, mail::NewMail, user::Email};
use paylent_mail::{About, Letter};
use paylent_oauth::Error;

use super::{Visit, fault::Failure};

impl Visit {
    /// A letter to this person, sealed, in their language or else the one of the page.
    pub(super) fn seal(
        &self,
        to: &Email,
        language: Option<Language>,
        about: About,
        expires_at: Option<Timestamp>,
    ) -> Result<NewMail, Failure> {
        let tenant = self.env.tenant();
        let letter = Letter {
            language: language.unwrap_or(self.language),
            environment: tenant.environment.display_name().to_owned(),
            base_url: tenant.base_url.clone(),
            about,
        };
        let sealed = self.settings.letters.seal(tenant.environment.id, to, &letter, self.now, expires_at);
        sealed.map_err(|error| Failure::Failed(Error::unavailable(error)))
    }

    /// Where a new password is asked for.
    pub(super) fn reset_link(&self) -> String {
        format!("{}/password/forgot", self.env.tenant().base_url)
    }
}
