//! The middleware that counts requests to one route and answers 429 before the body is read.

use crate::{
    AddressPrefix, Exceeded, Limiter,
    clock::{Clock, DefaultClock},
};
use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER},
    },
};
use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Who sends a request, as the host has resolved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The tenant that is addressed, so that one tenant's traffic never uses up another's quota.
    pub tenant: [u8; 16],
    /// The client's address, after the host has judged forwarding headers.
    pub address: AddressPrefix,
}

/// What a request is counted under: the caller and the **template** of the route, never the path, so that
/// neither ids nor spellings of a path open a new bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteKey {
    /// Who calls.
    pub caller: Caller,
    /// The template, e.g. `/api/users/{id}`.
    pub route: &'static str,
}

/// Renders the body of a refusal, given the request and the seconds of `Retry-After`. Status and headers of
/// the refusal are set by the middleware.
pub type Refusal = fn(&ServiceRequest, u64) -> HttpResponse;

/// Limits one resource or scope. Routes that name the same template and share a limiter share a bucket.
///
/// A refusal is 429 with `Retry-After` (whole seconds) and `Cache-Control: no-store`, given before the body
/// is read and before any inner middleware runs.
pub struct Limit<F, C: Clock = DefaultClock>(Arc<Rule<F, C>>);

struct Rule<F, C: Clock> {
    limiter: Arc<Limiter<RouteKey, C>>,
    route: &'static str,
    methods: Vec<Method>,
    caller: F,
    refusal: Refusal,
}

impl<F, C> Limit<F, C>
where
    F: Fn(&ServiceRequest) -> Option<Caller>,
    C: Clock,
{
    /// Counts the requests of all methods. `caller` answers `None` for a request that the host exempts.
    pub fn new(limiter: Arc<Limiter<RouteKey, C>>, route: &'static str, caller: F, refusal: Refusal) -> Self {
        Self::with_methods(limiter, route, [], caller, refusal)
    }

    /// Counts the requests of these methods only; HEAD is not GET. None given: all methods.
    pub fn with_methods(
        limiter: Arc<Limiter<RouteKey, C>>,
        route: &'static str,
        methods: impl IntoIterator<Item = Method>,
        caller: F,
        refusal: Refusal,
    ) -> Self {
        Self(Arc::new(Rule { limiter, route, methods: methods.into_iter().collect(), caller, refusal }))
    }
}

impl<F, C: Clock> Clone for Limit<F, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F, C> Rule<F, C>
where
    F: Fn(&ServiceRequest) -> Option<Caller>,
    C: Clock,
{
    fn admit(&self, request: &ServiceRequest) -> Result<(), Exceeded> {
        if !self.methods.is_empty() && !self.methods.contains(request.method()) {
            return Ok(());
        }
        (self.caller)(request).map_or(Ok(()), |caller| {
            let route = self.route;
            self.limiter.check(&RouteKey { caller, route })
        })
    }

    fn refuse(&self, request: &ServiceRequest, exceeded: Exceeded) -> HttpResponse {
        let seconds = exceeded.seconds();
        let mut response = (self.refusal)(request, seconds);
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<S, B, F, C> Transform<S, ServiceRequest> for Limit<F, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
    F: Fn(&ServiceRequest) -> Option<Caller>,
    C: Clock,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Limited<S, F, C>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let rule = Arc::clone(&self.0);
        ready(Ok(Limited { service, rule }))
    }
}

/// A service behind a [`Limit`].
pub struct Limited<S, F, C: Clock> {
    service: S,
    rule: Arc<Rule<F, C>>,
}

impl<S, B, F, C> Service<ServiceRequest> for Limited<S, F, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
    F: Fn(&ServiceRequest) -> Option<Caller>,
    C: Clock,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if let Err(exceeded) = self.rule.admit(&request) {
            let refusal = self.rule.refuse(&request, exceeded);
            let response = request.into_response(refusal).map_into_right_body();
            return Box::pin(ready(Ok(response)));
        }
        let served = self.service.call(request);
        Box::pin(async move { Ok(served.await?.map_into_left_body()) })
    }
}
