//! Public keys as JSON: JWK and JWK Set (RFC 7517), for RSA signature keys (RFC 7518 section 6.3.1).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A public RSA signature key. It has no place for a private member, so none can come out; unknown members are ignored on
/// reading (RFC 7517 section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The key type, `RSA`.
    pub kty: String,
    /// The key id.
    pub kid: String,
    /// What the key is for, `sig`.
    #[serde(rename = "use")]
    pub key_use: String,
    /// The one algorithm the key is for, `RS256`.
    pub alg: String,
    /// The modulus, big-endian, as base64url.
    pub n: String,
    /// The public exponent, big-endian, as base64url: `AQAB`.
    pub e: String,
}

/// A JWK Set. Keys of a form not known here are left out on reading (RFC 7517 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, in the order they are published.
    #[serde(deserialize_with = "known_keys")]
    pub keys: Vec<Jwk>,
}

fn known_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Jwk>, D::Error> {
    let keys = Vec::<Value>::deserialize(deserializer)?;
    Ok(keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}
