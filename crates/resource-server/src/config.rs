//! What a host says about itself and its authorization server.

use std::time::Duration;

use paylent_crypto::secret::Secret;
use url::{Host, Url};

use crate::TrustedProxies;

/// Whose tokens are accepted, for which audience, and how they are checked.
#[derive(Debug)]
pub struct Config {
    /// The environment's canonical base URL, exactly as its discovery document and its tokens spell it.
    pub issuer: String,
    /// The identifier of this resource server; a token must be for it and for nothing else.
    pub audience: String,
    /// How tokens are checked.
    pub mode: Mode,
    /// Where the keys are; `None`: at the issuer's `/.well-known/jwks.json`.
    pub jwks_uri: Option<String>,
    /// Where tokens are introspected; `None`: at the issuer's `/oauth/introspect`.
    pub introspection_endpoint: Option<String>,
    /// The proxies whose `X-Forwarded-For` is believed. None by default.
    pub trusted_proxies: TrustedProxies,
}

impl Config {
    /// A resource server at the issuer's own addresses, behind no proxy.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, mode: Mode) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            mode,
            jwks_uri: None,
            introspection_endpoint: None,
            trusted_proxies: TrustedProxies::default(),
        }
    }

    pub(crate) fn jwks_uri(&self) -> String {
        self.jwks_uri.clone().unwrap_or_else(|| format!("{}/.well-known/jwks.json", self.issuer))
    }

    pub(crate) fn introspection_endpoint(&self) -> String {
        self.introspection_endpoint.clone().unwrap_or_else(|| format!("{}/oauth/introspect", self.issuer))
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_url("issuer", &self.issuer)?;
        check_url("jwks_uri", &self.jwks_uri())?;
        check_url("introspection_endpoint", &self.introspection_endpoint())?;
        if self.audience.is_empty() {
            return Err(ConfigError("audience", "must not be empty"));
        }
        match &self.mode {
            Mode::Jwks => Ok(()),
            Mode::Introspection(introspection) | Mode::Auto(introspection) => introspection.check(),
        }
    }
}

/// How tokens are checked.
#[derive(Debug)]
pub enum Mode {
    /// Signed tokens by the issuer's published keys, without a request for each. A token that was revoked is accepted
    /// until it expires. Opaque tokens are refused.
    Jwks,
    /// Every token by asking the issuer, so that revocation counts at once.
    Introspection(Introspection),
    /// Signed tokens by the published keys, opaque ones by asking. Opaque are all tokens of applications that
    /// organizations own, so their allow lists and permissions count from one request to the next.
    Auto(Introspection),
}

/// How the issuer is asked about tokens (RFC 7662).
#[derive(Debug)]
pub struct Introspection {
    /// The confidential client that asks: one that may introspect for the audience.
    pub client_id: String,
    /// Its secret, sent by HTTP Basic; never shown.
    pub client_secret: Secret,
    /// Whether the issuer is told the caller's address, so that it applies the allow list of the token's application: it
    /// then **revokes** a token that comes from elsewhere. The address must be right, so say which proxies to trust.
    pub send_client_ip: bool,
    /// For how long an accepted token is accepted again from the same address without asking: at most five seconds. Zero, the
    /// default, always asks.
    pub cache: Duration,
}

impl Introspection {
    /// Asks for every request, without the caller's address.
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: Secret::from(client_secret.into()),
            send_client_ip: false,
            cache: Duration::ZERO,
        }
    }

    /// Tells the issuer the caller's address; see [`Introspection::send_client_ip`].
    #[must_use]
    pub fn sending_client_ip(self) -> Self {
        Self { send_client_ip: true, ..self }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.client_id.is_empty() || self.client_secret.expose().is_empty() {
            return Err(ConfigError("introspection", "needs a client_id and a client_secret"));
        }
        if self.cache > MAX_CACHE {
            return Err(ConfigError("cache", "must be at most five seconds"));
        }
        Ok(())
    }
}

const MAX_CACHE: Duration = Duration::from_secs(5);

/// What is wrong with a [`Config`]: the field, and the rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} {1}")]
pub struct ConfigError(pub(crate) &'static str, pub(crate) &'static str);

/// https, or http to this machine.
fn check_url(field: &'static str, text: &str) -> Result<(), ConfigError> {
    const BAD: &str = "must be an https URL, or http for a loopback host, without user, query and fragment";
    let url = Url::parse(text).map_err(|_| ConfigError(field, BAD))?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    let is_plain = url.username().is_empty() && url.password().is_none() && !text.contains(['?', '#']);
    if is_safe && is_plain { Ok(()) } else { Err(ConfigError(field, BAD)) }
}
