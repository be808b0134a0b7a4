//! What one environment's engine needs to know.

/// The settings of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Keeps the keys of environments apart: bound into every sealed private key. Any constant if there is but one.
    pub realm: [u8; 16],
    /// The issuer identifier (RFC 8414 section 2): the base URL, without a trailing slash. Endpoints are derived from it.
    pub issuer: String,
    /// Other spellings of resource identifiers and what they mean: `(alias, identifier)`.
    pub resource_aliases: Vec<(String, String)>,
}

/// How long an access token lives whose audience is the issuer itself, in seconds.
pub(crate) const ISSUER_TOKEN_TTL: i32 = 3_600;

impl Config {
    /// The settings of a host with a single environment.
    #[must_use]
    pub fn single(issuer: &str) -> Self {
        Self { realm: [0; 16], issuer: issuer.to_owned(), resource_aliases: Vec::new() }
    }

    /// The identifier that `resource` means.
    pub(crate) fn resolve<'a>(&'a self, resource: &'a str) -> &'a str {
        let known = self.resource_aliases.iter().find(|(alias, _)| alias == resource);
        known.map_or(resource, |(_, identifier)| identifier)
    }
}
