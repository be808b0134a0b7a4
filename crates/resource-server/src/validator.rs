//! One question: is this request's token good for this route?

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use paylent_crypto::{
    jwt::{Expect, UnverifiedToken},
    secret::SecretKind,
};

use crate::{
    Config, ConfigError, Http, Mode, Rejection, Token, bearer::bearer_token, introspection::Introspector, keys::Keys,
    token::Claims,
};

/// Tells the time, in seconds since the Unix epoch.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock, in seconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "in a host's process this is the one door to the time")]
pub fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The headers by which a request says that a proxy forwarded it (RFC 7239, and what came before).
const SIGNS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// What of a request decides whether it is admitted.
pub struct Request<'a> {
    authorization: Vec<&'a [u8]>,
    forwarded_for: Vec<&'a [u8]>,
    is_forwarded: bool,
    peer: Option<IpAddr>,
}

impl<'a> Request<'a> {
    /// A request from `peer`, the address at the other end of the connection. `header` gives all values of the header with
    /// this lower-case name, in order.
    pub fn new(peer: Option<IpAddr>, header: impl Fn(&str) -> Vec<&'a [u8]>) -> Self {
        let forwarded_for = header("x-forwarded-for");
        let is_forwarded = SIGNS.iter().any(|name| !header(name).is_empty());
        Self { authorization: header("authorization"), forwarded_for, is_forwarded, peer }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Checks the access tokens of one issuer for one audience. Clones share the keys and connections: make one and keep it.
#[derive(Clone)]
pub struct Validator(Arc<Inner>);

struct Inner {
    config: Config,
    clock: Clock,
    keys: Arc<Keys>,
    introspector: Option<Introspector>,
}

impl Validator {
    /// Checks the configuration. Nobody is asked before the first token comes.
    ///
    /// # Errors
    /// What is wrong with the configuration, or with the TLS library.
    #[cfg(feature = "reqwest")]
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let http = crate::HttpClient::new().map_err(|_| ConfigError("http", "needs a TLS library that works"))?;
        Self::with(config, http, system_time)
    }

    /// The same with the host's own HTTP client and clock, in seconds since the Unix epoch; usually [`system_time`].
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn with(
        config: Config,
        http: impl Http + 'static,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let (http, clock): (Arc<dyn Http>, Clock) = (Arc::new(http), Arc::new(clock));
        let keys = Arc::new(Keys::new(config.jwks_uri(), Arc::clone(&http), Arc::clone(&clock)));
        let introspector = match &config.mode {
            Mode::Jwks => None,
            Mode::Introspection(how) | Mode::Auto(how) => {
                Some(Introspector::new(&config, how, http, Arc::clone(&clock)))
            }
        };
        Ok(Self(Arc::new(Inner { config, clock, keys, introspector })))
    }

    /// The check for routes that need these scopes: middleware for actix-web, a layer for axum.
    pub fn require<'a>(&self, scopes: impl IntoIterator<Item = &'a str>) -> Guard {
        Guard { validator: self.clone(), scopes: scopes.into_iter().map(str::to_owned).collect() }
    }

    /// Checks the token of a request, and no scopes. Must run within a tokio runtime.
    ///
    /// # Errors
    /// Why the request is turned away.
    pub async fn validate(&self, request: &Request<'_>) -> Result<Token, Rejection> {
        let token = bearer_token(&request.authorization)?;
        let inner = &*self.0;
        match (&inner.config.mode, SecretKind::of(token), &inner.introspector) {
            (Mode::Jwks | Mode::Auto(_), None, _) => inner.verify(token).await,
            (Mode::Introspection(how), None, Some(introspector)) => {
                // What is no token of any kind is not worth a request.
                UnverifiedToken::parse(token)?;
                introspector.check(token, inner.told_address(request, how.send_client_ip)?).await
            }
            (Mode::Introspection(how) | Mode::Auto(how), Some(SecretKind::AccessToken), Some(introspector)) => {
                introspector.check(token, inner.told_address(request, how.send_client_ip)?).await
            }
            _ => Err(Rejection::InvalidToken(None)),
        }
    }
}

impl Inner {
    /// Checks a signed token as RFC 9068 section 4 says.
    async fn verify(&self, token: &str) -> Result<Token, Rejection> {
        let unverified = UnverifiedToken::parse(token)?;
        let key = self.keys.get(unverified.kid()).await?.ok_or(crate::TokenError::Key)?;
        let Config { issuer, audience, .. } = &self.config;
        let (now, leeway) = ((self.clock)(), Expect::LEEWAY);
        let expect = Expect { typ: "at+jwt", issuer, audience: Some(audience), now, leeway };
        let claims: Claims = unverified.verify(&key)?.claims(&expect)?;
        Ok(claims.try_into()?)
    }

    /// The address that the issuer is told. A wrong one would cost a good token its life, so there is no guessing.
    fn told_address(&self, request: &Request<'_>, is_told: bool) -> Result<Option<IpAddr>, Rejection> {
        if !is_told {
            return Ok(None);
        }
        let peer = request.peer.ok_or_else(|| misconfigured("the framework does not say who the peer is"))?;
        let address = self.config.trusted_proxies.client(peer, &request.forwarded_for, request.is_forwarded);
        if address.is_none() {
            tracing::warn!(
                "a forwarded request is refused: the caller's address is not known until trusted_proxies names the proxy \
                 and the proxy sends X-Forwarded-For"
            );
        }
        address.map(Some).ok_or(Rejection::UntrustedProxy)
    }
}

/// A rejection that is the service's own fault, told to its people.
pub(crate) fn misconfigured(how: &'static str) -> Rejection {
    tracing::error!("the service is misconfigured: {how}");
    Rejection::Misconfigured(how)
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Validator").field(&self.0.config).finish()
    }
}

/// A [`Validator`] and the scopes that a route needs.
#[derive(Debug, Clone)]
pub struct Guard {
    validator: Validator,
    scopes: Arc<[String]>,
}

impl Guard {
    /// Checks the token of a request and its scopes. Must run within a tokio runtime.
    ///
    /// # Errors
    /// Why the request is turned away.
    pub async fn admit(&self, request: &Request<'_>) -> Result<Token, Rejection> {
        let token = self.validator.validate(request).await?;
        token.require(&self.scopes)?;
        Ok(token)
    }
}
