//! What one environment's engine needs to know.

use paylent_domain::environment::Lifetimes;

/// The settings of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Keeps the keys of environments apart: bound into every sealed private key. Any constant if there is but one.
    pub realm: [u8; 16],
    /// The issuer identifier (RFC 8414 section 2): the base URL, without a trailing slash. Endpoints are derived from it.
    pub issuer: String,
    /// Whether the host serves `/oauth/authorize`, `/oauth/userinfo` and `/oauth/logout` with their pages. Without them
    /// only machines get tokens, and the metadata says so.
    pub interactive: bool,
    /// How long an authorization code lives, in seconds: 60 unless set, at most 600.
    pub code_ttl: i64,
    /// How long a refresh token lives unless it is used, in seconds: 90 days unless set. Each use starts it anew.
    pub refresh_ttl: i64,
    /// How long a person's grant lives in all, however often its refresh tokens are used, in seconds; `None` is no limit.
    pub refresh_absolute_ttl: Option<i64>,
    /// For how long a client that lost the answer to a refresh may ask for it again, in seconds: 10 unless set, 0 never.
    pub refresh_grace: i64,
    /// Other spellings of resource identifiers and what they mean: `(alias, identifier)`.
    pub resource_aliases: Vec<(String, String)>,
    /// The languages of the host's pages, as tags (RFC 5646).
    pub ui_locales: Vec<&'static str>,
}

/// How long an access token lives whose audience is the issuer itself, in seconds.
pub(crate) const ISSUER_TOKEN_TTL: i32 = 3_600;

impl Config {
    /// The settings of a host with a single environment that serves machines only.
    #[must_use]
    pub fn single(issuer: &str) -> Self {
        let Lifetimes { code_ttl, refresh_grace, refresh_absolute_ttl } = Lifetimes::default();
        Self {
            realm: [0; 16],
            issuer: issuer.to_owned(),
            interactive: false,
            code_ttl,
            refresh_ttl: 90 * 24 * 3_600,
            refresh_absolute_ttl,
            refresh_grace,
            resource_aliases: Vec::new(),
            ui_locales: Vec::new(),
        }
    }

    /// The identifier that `resource` means.
    pub(crate) fn resolve<'a>(&'a self, resource: &'a str) -> &'a str {
        let known = self.resource_aliases.iter().find(|(alias, _)| alias == resource);
        known.map_or(resource, |(_, identifier)| identifier)
    }
}
