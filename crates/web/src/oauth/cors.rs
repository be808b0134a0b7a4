//! What scripts of other sites may do (the Fetch standard's CORS protocol): use the endpoints that public clients need,
//! and send the JSON of front ends, from the origins that these clients registered, and without cookies. Everywhere else
//! nothing is allowed.

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
            HeaderValue, ORIGIN, VARY,
        },
    },
    middleware::Next,
};
use paylent_storage::Env;

use super::body::is_json;

/// How long a browser may remember what was allowed, in seconds.
const MAX_AGE: &str = "600";

/// The middleware of documents that everybody may read, whatever headers a script sends along.
pub(crate) async fn public<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let mut response = match is_preflight(&request) {
        true => request.into_response(permission("GET", "*")).map_into_right_body(),
        false => next.call(request).await?.map_into_left_body(),
    };
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

/// The middleware of an endpoint that registered origins may use.
pub(crate) async fn registered<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let origin = match allowed_origin(&request) {
        Some((env, origin)) if is_registered(&env, &origin).await => Some(origin),
        _ => None,
    };
    let mut response = match origin.is_some() && is_preflight(&request) {
        true => request.into_response(permission("GET, POST", "Authorization, Content-Type")).map_into_right_body(),
        false => next.call(request).await?.map_into_left_body(),
    };
    allow(response.headers_mut(), origin);
    Ok(response)
}

/// The middleware of an address where front ends send JSON and browsers the forms of our pages: what a page says is for no
/// script to read.
pub(crate) async fn front_ends<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    match is_preflight(&request) || (*request.method() == Method::POST && is_json(request.headers())) {
        true => registered(request, next).await,
        false => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// Whether a browser asks what a script of another site may do.
fn is_preflight(request: &ServiceRequest) -> bool {
    *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The one origin that a request names, and whose it would have to be.
fn allowed_origin(request: &ServiceRequest) -> Option<(Env, HeaderValue)> {
    let mut origins = request.headers().get_all(ORIGIN);
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    Some((request.extensions().get::<Env>()?.clone(), origin.clone()))
}

/// Whether a public client of the environment registered the origin.
async fn is_registered(env: &Env, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    match env.allows_origin(origin).await {
        Ok(registered) => registered,
        Err(error) => {
            tracing::error!(%error, "an origin could not be looked up");
            false
        }
    }
}

/// The answer to a preflight request.
fn permission(methods: &'static str, headers: &'static str) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, headers))
        .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .finish()
}

/// Lets scripts of this origin read the answer, and of no other.
fn allow(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After, WWW-Authenticate"));
    }
}
