//! Asking the issuer what a token is worth (RFC 7662).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_crypto::secret::{Secret, SecretHash};
use serde::Deserialize;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::{
    Clock, Config, Introspection, Rejection, Token, TokenError,
    http::{Answer, Http},
    token::Claims,
};

/// How many accepted tokens are remembered.
const MAX_CACHED: usize = 10_000;
/// When to try again unless the issuer says, and the longest it may say; in seconds.
const RETRY_AFTER: u32 = 5;
const MAX_RETRY_AFTER: u32 = 60;

/// A hash of the token, and the address that the issuer was told.
type Asked = ([u8; 32], Option<IpAddr>);

/// Asks the issuer about tokens.
pub(crate) struct Introspector {
    url: String,
    issuer: String,
    audience: String,
    authorization: Secret,
    http: Arc<dyn Http>,
    clock: Clock,
    /// In seconds.
    cache_for: i64,
    /// Accepted tokens, and when they were asked about.
    cache: Mutex<HashMap<Asked, (i64, Token)>>,
}

impl Introspector {
    pub(crate) fn new(config: &Config, introspection: &Introspection, http: Arc<dyn Http>, clock: Clock) -> Self {
        Self {
            url: config.introspection_endpoint(),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            authorization: basic(introspection),
            http,
            clock,
            cache_for: i64::try_from(introspection.cache.as_secs()).unwrap_or(0),
            cache: Mutex::default(),
        }
    }

    /// What `token` is worth when it comes from this address.
    pub(crate) async fn check(&self, token: &str, client_ip: Option<IpAddr>) -> Result<Token, Rejection> {
        let asked = (*SecretHash::of(token).as_bytes(), client_ip);
        let now = (self.clock)();
        if let Some(known) = self.recall(&asked, now) {
            return Ok(known);
        }
        let answer = self.http.post(&self.url, self.authorization.expose(), form(token, client_ip)).await;
        let accepted = match answer {
            Ok(answer) if answer.status == 200 => self.read(&answer.body)?,
            Ok(answer) => return Err(refused(&answer)),
            Err(error) => {
                tracing::warn!(error = ?error, "the issuer cannot be asked about tokens");
                return Err(Rejection::Unavailable { retry_after: RETRY_AFTER });
            }
        };
        self.remember(asked, now, &accepted);
        Ok(accepted)
    }

    fn read(&self, body: &[u8]) -> Result<Token, Rejection> {
        let active = serde_json::from_slice::<Standing>(body).map_err(|_| malformed())?.active;
        if !active {
            return Err(Rejection::InvalidToken(None));
        }
        let described = serde_json::from_slice::<Described>(body).map_err(|_| malformed())?;
        if described.iss != self.issuer {
            return Err(TokenError::Issuer.into());
        }
        let (Audience::One(audience) | Audience::Many([audience])) = described.aud;
        if audience != self.audience {
            return Err(TokenError::Audience.into());
        }
        let token: Token = serde_json::from_slice::<Claims>(body).map_err(|_| malformed())?.try_into()?;
        if token.is_alive((self.clock)()) { Ok(token) } else { Err(TokenError::Expired.into()) }
    }

    fn recall(&self, asked: &Asked, now: i64) -> Option<Token> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, token) = cache.get(asked)?;
        ((0..self.cache_for).contains(&(now - at)) && token.is_alive(now)).then(|| token.clone())
    }

    fn remember(&self, asked: Asked, at: i64, token: &Token) {
        if self.cache_for == 0 {
            return;
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_CACHED {
            cache.retain(|_, (then, _)| (0..self.cache_for).contains(&(at - *then)));
        }
        if cache.len() < MAX_CACHED {
            cache.insert(asked, (at, token.clone()));
        }
    }
}

#[derive(Deserialize)]
struct Standing {
    active: bool,
}

#[derive(Deserialize)]
struct Described {
    iss: String,
    aud: Audience,
}

/// One audience, as text or as an array of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many([String; 1]),
}

/// HTTP Basic as RFC 6749 section 2.3.1 has it: both parts are form-encoded first.
fn basic(introspection: &Introspection) -> Secret {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(&introspection.client_id), encode(introspection.client_secret.expose()));
    Secret::from(format!("Basic {}", STANDARD.encode(pair)))
}

fn form(token: &str, client_ip: Option<IpAddr>) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("token", token).append_pair("token_type_hint", "access_token");
    if let Some(address) = client_ip {
        form.append_pair("client_ip", &address.to_string());
    }
    form.finish()
}

/// An answer that is none. That our own credentials are refused is not the caller's fault either.
fn refused(answer: &Answer) -> Rejection {
    tracing::warn!(status = answer.status, "the issuer refuses to be asked about tokens");
    let asked = answer.retry_after.as_deref().and_then(|value| value.trim().parse::<u32>().ok());
    Rejection::Unavailable { retry_after: asked.unwrap_or(RETRY_AFTER).clamp(1, MAX_RETRY_AFTER) }
}

fn malformed() -> Rejection {
    tracing::warn!("the issuer's answer about a token is malformed");
    Rejection::Unavailable { retry_after: RETRY_AFTER }
}
