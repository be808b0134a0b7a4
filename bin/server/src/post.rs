//! The words of mails that storage decides on inside a unit of work.

use paylent_domain::{language::Language, mail::NewMail, user::Email};
use paylent_mail::{About, Letter, LetterKey};
use paylent_storage::{Post, Tenant, ViolationNotice};

/// Writes and seals them.
pub(crate) struct SealedPost(pub(crate) LetterKey);

impl Post for SealedPost {
    fn violation(&self, tenant: &Tenant, notice: &ViolationNotice, to: &Email, language: Language) -> Option<NewMail> {
        let letter = Letter {
            language,
            environment: tenant.environment.display_name().to_owned(),
            base_url: tenant.base_url.clone(),
            about: About::ForeignAddress {
                application: notice.application.clone(),
                ip: notice.ip.to_string(),
                at: notice.at.to_the_minute(),
                token: notice.prefix.clone(),
                refused: notice.enforced,
            },
        };
        let sealed = self.0.seal(tenant.environment.id, to, &letter, notice.at, None);
        sealed.inspect_err(|error| tracing::error!(%error, "a mail could not be sealed")).ok()
    }
}
