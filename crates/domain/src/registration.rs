//! Registration: how somebody whom nobody knows becomes a user, by way of a code that proves the address.
//!
//! The states of the flow are types, so that a person whose address was never proved cannot be written down: only
//! [`Registration<Proved>`] becomes a [`NewPerson`].

use std::{fmt, str::FromStr};

use crate::{
    Id, Invalid,
    language::Language,
    user::{Email, NewPerson, PasswordHash, User},
};

/// For how long a code is good, in seconds.
pub const PASSCODE_TTL: i64 = 600;
/// How many codes may be tried in one registration.
pub const MAX_ATTEMPTS: i32 = 5;
/// How many codes may be tried for one address within [`ATTEMPTS_WINDOW`], in however many registrations.
pub const MAX_ATTEMPTS_PER_ADDRESS: i64 = 25;
/// The time in which the attempts for one address are counted, in seconds.
pub const ATTEMPTS_WINDOW: i64 = 3_600;
/// For how long somebody who proved the address may take to complete the registration, in seconds.
pub const TOKEN_TTL: i64 = 900;

/// The code that was mailed: exactly six ASCII digits. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Passcode(String);

impl Passcode {
    /// The digits, zeros in front included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Passcode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(Self(text.to_owned())),
            false => Err(Invalid("must be the six digits of the code")),
        }
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Somebody on the way to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration<State> {
    email: Email,
    language: Option<Language>,
    state: State,
}

/// A code was mailed, or nobody will ever get one, and it was not given back yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun(());

/// The code came back: the address is this person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proved(());

/// What somebody says of themselves to complete a registration. The address is not among it.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// The id that the user gets.
    pub id: Id<User>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// The hashed password.
    pub password: PasswordHash,
}

impl<State> Registration<State> {
    /// The address to be proved, or proved.
    #[must_use]
    pub const fn email(&self) -> &Email {
        &self.email
    }

    /// The language that the person was spoken to in.
    #[must_use]
    pub const fn language(&self) -> Option<Language> {
        self.language
    }
}

impl Registration<Begun> {
    /// A registration whose code has not come back.
    #[must_use]
    pub const fn begun(email: Email, language: Option<Language>) -> Self {
        Self { email, language, state: Begun(()) }
    }

    /// What follows from a code: with the right one, the address is proved.
    #[must_use]
    pub fn prove(self, is_right: bool) -> Option<Registration<Proved>> {
        is_right.then(|| Registration::proved(self.email, self.language))
    }
}

impl Registration<Proved> {
    /// A registration whose code came back, as its token says.
    #[must_use]
    pub const fn proved(email: Email, language: Option<Language>) -> Self {
        Self { email, language, state: Proved(()) }
    }

    /// The person to be made: with the address that was proved, whatever else was said.
    #[must_use]
    pub fn complete(self, newcomer: Newcomer) -> NewPerson {
        NewPerson {
            id: newcomer.id,
            email: self.email,
            email_verified: true,
            first_name: Some(newcomer.first_name),
            last_name: Some(newcomer.last_name),
            password: newcomer.password,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ot_format_a_passcode_is_exactly_six_ascii_digits() {
        for good in ["000123", "123456", "000000"] {
            assert_eq!(good.parse::<Passcode>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "123",
            "12345",
            "1234567",
            " 123456",
            "123456 ",
            "12 456",
            "１２３４５６",
            "12345a",
            "+12345",
            "-12345",
            "12\n456",
        ] {
            assert!(bad.parse::<Passcode>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ot_leak_a_passcode_is_not_shown() {
        assert_eq!(format!("{:?}", "004711".parse::<Passcode>().unwrap()), "[redacted]");
    }

    #[test]
    fn ot_skip_only_a_proved_address_becomes_a_verified_user() {
        let email: Email = "jane@example.com".parse().unwrap();
        let begun = || Registration::begun(email.clone(), Some(Language::Dutch));
        assert_eq!(begun().prove(false), None);
        let proved = begun().prove(true).unwrap();
        assert_eq!((proved.email(), proved.language()), (&email, Some(Language::Dutch)));
        let person = proved.complete(Newcomer {
            id: Id::from_bytes([1; 16]),
            first_name: "Jane".into(),
            last_name: "Doe".into(),
            password: PasswordHash("hash".into()),
        });
        assert!(person.email_verified && person.email == email);
    }
}
