//! Letters as the outbox keeps them: readable for nobody who has the database alone.

use std::{fmt, sync::Arc};

use paylent_crypto::{seal::MasterKey, secret::random_bytes};
use paylent_domain::{
    Id, Timestamp,
    environment::Environment,
    mail::{Mail, NewMail},
    user::Email,
};

use crate::{Error, Letter};

/// Seals and opens letters.
#[derive(Clone)]
pub struct LetterKey(Arc<MasterKey>);

impl LetterKey {
    /// The key for letters that follows from this installation's master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(Arc::new(master.sub_key("mail")))
    }

    /// A mail of this environment that says this to this address. After `expires_at`, if there is such a moment, it is
    /// not sent any more.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn seal(
        &self,
        environment: Id<Environment>,
        to: &Email,
        letter: &Letter,
        now: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Result<NewMail, Error> {
        let id = Id::new(now, random_bytes()?);
        let plain = serde_json::to_vec(letter).map_err(Error::Unreadable)?;
        let letter_bytes = self.0.seal(&place(environment, id), &plain)?;
        Ok(NewMail { id, kind: letter.kind(), recipient: to.as_str().to_owned(), letter: letter_bytes, expires_at })
    }

    /// What a mail of this environment says.
    ///
    /// # Errors
    /// It was sealed under another master key or for another mail, or is not of this version.
    pub fn open(&self, environment: Id<Environment>, id: Id<Mail>, sealed: &[u8]) -> Result<Letter, Error> {
        let plain = self.0.unseal(&place(environment, id), sealed)?;
        serde_json::from_slice(&plain).map_err(Error::Unreadable)
    }
}

/// Where a sealed letter belongs.
fn place(environment: Id<Environment>, id: Id<Mail>) -> Vec<u8> {
    [b"mail".as_slice(), environment.as_bytes(), id.as_bytes()].concat()
}

impl fmt::Debug for LetterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use paylent_domain::language::Language;

    use super::*;
    use crate::About;

    #[test]
    fn ot_store_a_sealed_letter_opens_for_its_own_mail_only() {
        let key = LetterKey::new(&MasterKey::generate().unwrap());
        let (here, there) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        let letter = Letter {
            language: Language::Dutch,
            environment: "acme".into(),
            base_url: "https://acme.example".into(),
            about: About::Passcode { passcode: "004711".into(), minutes: 10 },
        };
        let to = "jane@example.com".parse().unwrap();
        let mail = key.seal(here, &to, &letter, Timestamp::from_seconds(5), None).unwrap();
        assert_eq!((mail.kind, mail.recipient.as_str()), ("passcode", "jane@example.com"));
        assert!(!String::from_utf8_lossy(&mail.letter).contains("004711"));
        assert!(!format!("{mail:?} {letter:?} {key:?}").contains("004711"));
        assert_eq!(key.open(here, mail.id, &mail.letter).unwrap(), letter);
        assert!(key.open(there, mail.id, &mail.letter).is_err());
        assert!(key.open(here, Id::from_bytes([3; 16]), &mail.letter).is_err());
        let other = LetterKey::new(&MasterKey::generate().unwrap());
        assert!(other.open(here, mail.id, &mail.letter).is_err());
    }
}
