//! OAuth clients: the applications that ask for tokens (RFC 6749 section 2).

use std::str::FromStr;

use url::Url;

use crate::{Id, Invalid, clock::Timestamp, user::User};

/// An application that asks for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id at the Management API.
    pub id: Id<Client>,
    /// Its public identifier at the OAuth endpoints.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// Where it may be returned to, compared byte for byte.
    pub redirect_uris: Vec<String>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The form of its access tokens.
    pub token_format: TokenFormat,
    /// Whether it belongs to the environment's owner, so that nobody is asked for consent.
    pub first_party: bool,
    /// Whether it must use PKCE.
    pub require_pkce: bool,
    /// The lifetime of its access tokens in seconds, instead of the resource server's.
    pub access_token_ttl: Option<i32>,
    /// Whether it may act at all.
    pub active: bool,
    /// Whom its client-credentials tokens act for.
    pub user_id: Option<Id<User>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Whether a client can keep a secret (RFC 6749 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the RFC's term")]
pub enum ClientType {
    Confidential,
    Public,
}

impl ClientType {
    /// The RFC's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }
}

impl FromStr for ClientType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "confidential" => Ok(Self::Confidential),
            "public" => Ok(Self::Public),
            _ => Err(Invalid("must be confidential or public")),
        }
    }
}

/// How a client gets tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is the RFC's term")]
pub enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    RefreshToken,
}

impl GrantType {
    /// The RFC's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }
}

impl FromStr for GrantType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "authorization_code" => Ok(Self::AuthorizationCode),
            "client_credentials" => Ok(Self::ClientCredentials),
            "refresh_token" => Ok(Self::RefreshToken),
            _ => Err(Invalid("must be authorization_code, client_credentials or refresh_token")),
        }
    }
}

/// The form of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFormat {
    /// Signed, checked with the JWKS (RFC 9068).
    Jwt,
    /// A random string, checked by introspection (RFC 7662).
    Opaque,
}

impl TokenFormat {
    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

impl FromStr for TokenFormat {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "jwt" => Ok(Self::Jwt),
            "opaque" => Ok(Self::Opaque),
            _ => Err(Invalid("must be jwt or opaque")),
        }
    }
}

/// How many redirect URIs a client may register.
pub const MAX_REDIRECT_URIS: usize = 10;
/// The longest client name, in characters.
pub const MAX_NAME: usize = 100;

/// Checks the redirect URIs of one client: at most 10, each valid, none twice.
///
/// # Errors
/// The index of the offending URI (none when there are too many) and the rule it breaks.
pub fn check_redirect_uris(uris: &[String]) -> Result<(), (Option<usize>, Invalid)> {
    if uris.len() > MAX_REDIRECT_URIS {
        return Err((None, Invalid("must be at most 10 URIs")));
    }
    for (index, uri) in uris.iter().enumerate() {
        check_redirect_uri(uri).map_err(|reason| (Some(index), reason))?;
        if uris[..index].contains(uri) {
            return Err((Some(index), Invalid("is listed twice")));
        }
    }
    Ok(())
}

/// Checks one redirect URI: absolute, https or http to a loopback host, without fragment, user and wildcard.
///
/// # Errors
/// The rule it breaks.
pub fn check_redirect_uri(uri: &str) -> Result<(), Invalid> {
    const BAD: Invalid = Invalid("must be an absolute https URL, or http for a loopback host");
    if uri.len() > 2_048 {
        return Err(Invalid("must have at most 2048 characters"));
    }
    if !uri.bytes().all(|b| b.is_ascii_graphic()) || uri.contains(['\\', '*', '"', '<', '>']) {
        return Err(Invalid("must be printable ASCII without spaces, wildcards, quotes and backslashes"));
    }
    let url = Url::parse(uri).map_err(|_| BAD)?;
    if uri.contains('#') {
        return Err(Invalid("must not have a fragment"));
    }
    let authority = uri.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest)).ok_or(BAD)?;
    if authority.contains('@') || !url.username().is_empty() {
        return Err(Invalid("must not name a user"));
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(host)) if is_loopback(&host) => Ok(()),
        _ => Err(BAD),
    }
}

fn is_loopback(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => *name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ru_reg_scheme_only_https_and_loopback_http_are_registered() {
        for good in [
            "https://app.example/cb?provider=payt",
            "http://localhost:3000/callback",
            "http://127.0.0.1/cb",
            "http://[::1]:8000/cb",
        ] {
            assert!(check_redirect_uri(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://x/y",
            "about:blank",
            "intent:x",
            "myapp:cb",
            "http://app.example/cb",
            "https://u@app.example/cb",
            "https://@app.example/cb",
            "https://app.example/cb#f",
            "https://app.example/cb#",
            "https://*.app.example/cb",
            "/cb",
            "",
            "https://app.example\\@evil.test",
            "https://app.example/a b",
            "https://app.example/\u{0}",
            "https:///cb\t",
            "http://localhost.evil.test/cb",
            "https://",
        ] {
            assert!(check_redirect_uri(bad).is_err(), "{bad}");
        }
        assert!(check_redirect_uri(&format!("https://app.example/{}", "a".repeat(2_048))).is_err());
    }

    #[test]
    fn ru_reg_http_at_most_ten_and_none_twice() {
        let uris: Vec<String> = (0..11).map(|n| format!("https://app.example/{n}")).collect();
        assert!(check_redirect_uris(&uris[..10]).is_ok());
        assert_eq!(check_redirect_uris(&uris).unwrap_err().0, None);
        let twice = vec![uris[0].clone(), uris[1].clone(), uris[0].clone()];
        assert_eq!(check_redirect_uris(&twice).unwrap_err().0, Some(2));
    }
}
