//! Middleware and extractor for actix-web 4.

use std::{
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::EitherBody,
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use futures_util::future::LocalBoxFuture;

use crate::{Guard, Rejection, Request, Token, left_by_guard};

impl<S, B> Transform<S, ServiceRequest> for Guard
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Guarded<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Guarded { guard: self.clone(), inner: Rc::new(inner) }))
    }
}

/// A service behind a [`Guard`].
#[derive(Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for Guarded<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (guard, inner) = (self.guard.clone(), Rc::clone(&self.inner));
        Box::pin(async move {
            match admit(&guard, request.request()).await {
                Ok(token) => {
                    request.extensions_mut().insert(token);
                    inner.call(request).await.map(ServiceResponse::map_into_left_body)
                }
                // A response and not an error, so that outer middleware adds its headers.
                Err(rejection) => Ok(request.into_response(rejection.error_response()).map_into_right_body()),
            }
        })
    }
}

async fn admit(guard: &Guard, request: &HttpRequest) -> Result<Token, Rejection> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let header = |name: &str| request.headers().get_all(name).map(|value| value.as_bytes()).collect();
    guard.admit(&Request::new(peer, header)).await
}

/// The token that the [`Guard`] before this handler accepted.
impl FromRequest for Token {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(left_by_guard(request.extensions().get()))
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(challenge) = self.www_authenticate() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = self.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.json(self.body())
    }
}
