//! How many requests are admitted: per environment, client address and route template.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    num::NonZeroU32,
};

use actix_web::http::Method;
use paylent_ratelimit::{AddressPrefix, Limiter, Quota};
use paylent_web::FormRoute;

/// What guesses at secrets besides forms.
const TOKEN: &str = "/oauth/token";

/// The quotas per minute.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Whether to limit at all.
    pub enabled: bool,
    /// Requests to one route of the Management API.
    pub api: NonZeroU32,
    /// Requests to one route that checks credentials.
    pub auth: NonZeroU32,
}

/// Who asks for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RouteKey {
    tenant: [u8; 16],
    address: AddressPrefix,
    route: u64,
}

/// One limiter for each quota.
pub(crate) struct Limiters {
    enabled: bool,
    api: Limiter<RouteKey>,
    auth: Limiter<RouteKey>,
}

impl Limiters {
    pub(crate) fn new(limits: Limits) -> Self {
        let limiter = |quota| Limiter::new(Quota::per_minute(quota));
        Self { enabled: limits.enabled, api: limiter(limits.api), auth: limiter(limits.auth) }
    }

    /// Admits a request to a route, or says after how many seconds it would be.
    pub(crate) fn check(&self, tenant: [u8; 16], address: IpAddr, method: &Method, route: &str) -> Result<(), u64> {
        let limiter = match route {
            _ if !self.enabled => return Ok(()),
            TOKEN => &self.auth,
            // Looking at a page guesses at nothing.
            _ if *method == Method::POST && FormRoute::at(route).is_some_and(|form| form.limited) => &self.auth,
            _ if route.starts_with("/api/") => &self.api,
            _ => return Ok(()),
        };
        let mut hasher = DefaultHasher::new();
        route.hash(&mut hasher);
        let key = RouteKey { tenant, address: address.into(), route: hasher.finish() };
        limiter.check(&key).map_err(|exceeded| exceeded.seconds())
    }

    /// Forgets callers that have been quiet.
    pub(crate) fn forget_idle(&self) {
        self.api.forget_idle();
        self.auth.forget_idle();
        metrics::gauge!("ratelimit_keys").set(u32::try_from(self.api.len() + self.auth.len()).unwrap_or(u32::MAX));
    }
}
