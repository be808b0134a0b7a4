//! Users: people who sign in, and service users that machine clients act for.

use std::{fmt, str::FromStr};

use url::Host;

use crate::{Id, Invalid, clock::Timestamp, text};

/// Somebody or something that holds roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id, which is also the `sub` of its tokens.
    pub id: Id<User>,
    /// Whether a person or a machine client's service user.
    pub kind: UserKind,
    /// The address, as it was given; service users have none.
    pub email: Option<Email>,
    /// Whether the address was proved to be this person's.
    pub email_verified: bool,
    /// Given name; a service user's display name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Whether it may act at all.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// What to call it in the audit trail.
    #[must_use]
    pub fn name(&self) -> &str {
        self.email.as_ref().map(Email::as_str).or(self.first_name.as_deref()).unwrap_or("user")
    }

    /// Whether a session can be made for it.
    #[must_use]
    pub fn can_sign_in(&self) -> bool {
        self.active && self.kind == UserKind::Person
    }

    /// Its place in a list sorted by address.
    #[must_use]
    pub fn name_key(&self) -> String {
        self.email.as_ref().map_or_else(|| service_key(self.id), Email::key)
    }
}

/// What stands for the address that a service user does not have. It holds no `@`, so it is nobody's address.
#[must_use]
pub fn service_key(id: Id<User>) -> String {
    format!("service:{}", id.to_string().replace('-', ""))
}

/// Whether a user can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    /// Signs in with a password.
    Person,
    /// Belongs to a machine client, cannot sign in, and goes with its client.
    Service,
}

impl UserKind {
    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

impl FromStr for UserKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "person" => Ok(Self::Person),
            "service" => Ok(Self::Service),
            _ => Err(Invalid("must be person or service")),
        }
    }
}

/// A password in the form the password hasher stores (a PHC string). Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A person about to be made.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Its id.
    pub id: Id<User>,
    /// The address it signs in with.
    pub email: Email,
    /// Whether the address was proved to be this person's.
    pub email_verified: bool,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The hashed password.
    pub password: PasswordHash,
}

/// What an update changes; `None` leaves the attribute as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new address; it is unverified until proved.
    pub email: Option<Email>,
    /// A new given name, or its removal.
    pub first_name: Option<Option<String>>,
    /// A new family name, or its removal.
    pub last_name: Option<Option<String>>,
    /// A new hashed password.
    pub password: Option<PasswordHash>,
    /// Whether the user may act at all.
    pub active: Option<bool>,
}

/// The longest name a person may have, in characters.
pub const MAX_NAME: usize = 100;

/// An e-mail address. Two spellings of one mailbox have the same [`key`](Email::key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is unique in an environment: lower case, the domain in its ASCII form.
    #[must_use]
    pub fn key(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        let domain = Host::parse(domain).map_or_else(|_| domain.to_lowercase(), |host| host.to_string());
        format!("{}@{domain}", local.to_lowercase())
    }

    /// An address the database holds already; it was checked when it was written.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Email {
    type Err = Invalid;

    /// The plain `local@domain` of people's mailboxes: no display name, no quoted local part, no address literal.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const BAD: Invalid = Invalid("must be an e-mail address such as jane@example.com");
        if text.len() > 254 {
            return Err(Invalid("must have at most 254 characters"));
        }
        let (local, domain) = text.split_once('@').ok_or(BAD)?;
        let plain = |c: char| !c.is_whitespace() && !text::is_unsafe_in_text(c) && !"\"(),:;<>[]\\@".contains(c);
        let local_ok = !local.is_empty() && local.len() <= 64 && local.chars().all(plain);
        let dots_ok = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
        let domain_ok = domain.chars().all(plain)
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && matches!(Host::parse(domain), Ok(Host::Domain(name)) if name.contains('.') || name == "localhost");
        if local_ok && dots_ok && domain_ok { Ok(Self(text.to_owned())) } else { Err(BAD) }
    }
}

/// Checks a password somebody chose: `minimum` to 128 characters, no control characters. No composition rules.
///
/// # Errors
/// The rule it breaks.
pub fn check_password(password: &str, minimum: usize) -> Result<(), Invalid> {
    let length = password.chars().count();
    if length < minimum {
        return Err(Invalid("is too short"));
    }
    if length > 128 {
        return Err(Invalid("must have at most 128 characters"));
    }
    if password.chars().any(char::is_control) {
        return Err(Invalid("must not contain control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ot_email_syntax_only_plain_addresses_are_accepted() {
        for good in [
            "jane@example.com",
            "j.d+tag@sub.example.org",
            "o'neil@example.com",
            "zoë@bücher.example",
            "root@localhost",
        ] {
            assert!(good.parse::<Email>().is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "a@x@y.com",
            "a@x.com,b@y.com",
            "\"n\" <a@b.com>",
            "\"a b\"@example.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a\r\nBcc: b@example.com",
            "a\0@example.com",
            "a\u{202E}@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a@example",
            "a@.example.com",
            "a@example.com.",
            " a@example.com",
            &long,
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lo_bucket_spellings_of_one_mailbox_share_a_key() {
        let key = |text: &str| text.parse::<Email>().unwrap().key();
        assert_eq!(key("Jane@Example.COM"), key("jane@example.com"));
        assert_eq!(key("a@bücher.example"), key("a@xn--bcher-kva.example"));
        assert_ne!(key("jane@example.com"), key("jane@example.org"));
    }

    #[test]
    fn lo_long_passwords_have_a_minimum_and_a_maximum() {
        assert!(check_password("1234567", 8).is_err());
        assert!(check_password("pass 🙂 word", 8).is_ok());
        assert!(check_password(&"x".repeat(128), 8).is_ok());
        assert!(check_password(&"x".repeat(129), 8).is_err());
        assert!(check_password("with\0null", 8).is_err());
    }

    #[test]
    fn lg_debug_a_password_hash_is_redacted() {
        assert_eq!(format!("{:?}", PasswordHash("$argon2id$canary".into())), "[redacted]");
    }
}
