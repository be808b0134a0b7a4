//! Keys that clients keep elsewhere.

use std::{future::Future, pin::Pin};

/// How a host gets the keys that clients publish at a `jwks_uri` (OpenID Connect Core section 10.1). The engine makes no
/// requests itself: the address is the client's choice, so each must be guarded against SSRF, limited in time and size,
/// and kept for a while.
pub trait RemoteKeys: Send + Sync {
    /// The JWK Set at this address, if it can be had and
    /// [`check_set`](crate::crypto::client_assertion::check_set) accepts it. Asked only for a known, active client that
    /// sent an assertion. `again` says that the set known so far lacks the key, so that a newer one is wanted; the host
    /// decides how often it may be.
    fn jwks<'a>(&'a self, uri: &'a str, again: bool) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>>;
}
