//! Resource servers: the APIs that tokens are for, and the grants that let clients call them.

use crate::{Id, Invalid, client::Client, clock::Timestamp, scope::Scopes};

/// An API that clients call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceServer {
    /// Its id.
    pub id: Id<ResourceServer>,
    /// What people call it.
    pub name: String,
    /// The audience of its tokens; none for the Management API, whose identifier is computed from its address.
    pub identifier: Option<String>,
    /// How long its access tokens live, in seconds.
    pub token_ttl: i32,
    /// Whether refresh tokens may be issued for it.
    pub allow_offline_access: bool,
    /// Whether it is the environment's Management API.
    pub system: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What people call the built-in resource server.
pub const MANAGEMENT_API: &str = "Management API";
/// The lifetime of access tokens unless another is set, in seconds.
pub const DEFAULT_TOKEN_TTL: i32 = 3_600;

/// That a client may get tokens for a resource server without a user's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientGrant {
    /// Its id.
    pub id: Id<ClientGrant>,
    /// Which client.
    pub client_id: Id<Client>,
    /// For which API.
    pub resource_server_id: Id<ResourceServer>,
    /// The scopes it may ask for; `None` means all the API has, an empty set means none.
    pub allowed_scopes: Option<Scopes>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Checks an identifier: an absolute URI without a fragment (RFC 8707 section 2), at most 255 characters.
///
/// # Errors
/// The rule it breaks.
pub fn check_identifier(identifier: &str) -> Result<(), Invalid> {
    if identifier.len() > 255 {
        return Err(Invalid("must have at most 255 characters"));
    }
    let plain = identifier.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    if !plain || identifier.contains('#') || url::Url::parse(identifier).is_err() {
        return Err(Invalid("must be an absolute URI without a fragment, such as https://api.example.com"));
    }
    Ok(())
}

/// Checks the lifetime of access tokens: 60 to 86400 seconds.
///
/// # Errors
/// It is outside that range.
pub fn check_token_ttl(seconds: i64) -> Result<i32, Invalid> {
    i32::try_from(seconds).ok().filter(|ttl| (60..=86_400).contains(ttl)).ok_or(Invalid("must be 60 to 86400 seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_an_absolute_uri_without_a_fragment() {
        assert!(check_identifier("https://api.example.com").is_ok());
        assert!(check_identifier("urn:example:api").is_ok());
        for bad in [
            "",
            "/api",
            "api.example.com",
            "https://api.example.com/#f",
            "https://api.example.com/a b",
            "https://ä.example",
        ] {
            assert!(check_identifier(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_lives_a_minute_to_a_day() {
        assert_eq!(check_token_ttl(60), Ok(60));
        assert_eq!(check_token_ttl(86_400), Ok(86_400));
        for bad in [59, 86_401, 0, -1, i64::MAX] {
            assert!(check_token_ttl(bad).is_err(), "{bad}");
        }
    }
}
