//! The OAuth endpoints: each reads a request, asks the engine, and writes the reply.

pub(crate) mod body;
pub(crate) mod cors;
mod documents;
pub(crate) mod reply;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, Resource, Route,
    http::{Method, header::AUTHORIZATION},
    web::{self, Data, Payload},
};
use paylent_domain::network::{Caller, Origin};
use paylent_oauth::{Engine, IntrospectionRequest, Parameters, RevocationRequest, TokenRequest};
use paylent_storage::Env;
use serde_json::json;

use crate::Settings;
pub(crate) use documents::{Documents, jwks, metadata};
use reply::{Refusal, answer};

/// `POST /oauth/token`
pub(crate) async fn token(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let caller = caller(&request);
    let run = async |engine: Engine<Env>, headers: &[&[u8]], parameters: Parameters| {
        Ok(answer(&engine.token(TokenRequest::parse(headers, parameters, caller)?).await?))
    };
    respond(&request, body::read_untyped(&request, payload), &settings, run).await
}

/// `POST /oauth/introspect`
pub(crate) async fn introspect(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |engine: Engine<Env>, headers: &[&[u8]], parameters: Parameters| {
        Ok(answer(&engine.introspect(IntrospectionRequest::parse(headers, parameters)?).await?))
    };
    respond(&request, body::read(&request, payload), &settings, run).await
}

/// `POST /oauth/revoke`: an empty object, since some clients parse the body.
pub(crate) async fn revoke(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |engine: Engine<Env>, headers: &[&[u8]], parameters: Parameters| {
        engine.revoke(RevocationRequest::parse(headers, parameters)?).await?;
        Ok(answer(&json!({})))
    };
    respond(&request, body::read(&request, payload), &settings, run).await
}

/// What the three endpoints have in common: reads the body, runs the request, and writes errors as RFC 6749 asks.
async fn respond(
    request: &HttpRequest,
    body: impl Future<Output = Result<Parameters, Refusal>>,
    settings: &Settings,
    run: impl AsyncFnOnce(Engine<Env>, &[&[u8]], Parameters) -> Result<HttpResponse, Refusal>,
) -> HttpResponse {
    let Some(env) = environment(request) else { return HttpResponse::NotFound().finish() };
    let issuer = env.tenant().base_url.clone();
    let headers: Vec<&[u8]> = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes()).collect();
    let outcome = async { run(engine(&env, settings), &headers, body.await?).await };
    outcome.await.unwrap_or_else(|refusal| refusal.response(&issuer))
}

/// The environment of the request's host, as the server found it.
pub(crate) fn environment(request: &HttpRequest) -> Option<Env> {
    request.extensions().get::<Env>().cloned()
}

/// From where the request comes, as the server found out.
pub(crate) fn caller(request: &HttpRequest) -> Caller {
    request.extensions().get::<Origin>().map_or(Caller::UNKNOWN, Origin::caller)
}

pub(crate) fn engine(env: &Env, settings: &Settings) -> Engine<Env> {
    Engine::new(env.tenant().oauth.clone(), settings.keys.clone(), env.clone(), settings.clock.clone())
        .with_remote_keys(settings.remote_keys.clone())
}

/// A resource that answers other methods than POST with 405.
pub(crate) fn post_only(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { reply::method_not_allowed("POST") }))
}

/// A resource that answers other methods than GET and HEAD with 405.
pub(crate) fn get_only(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { reply::method_not_allowed("GET, HEAD") }))
}

/// A route for GET and HEAD.
pub(crate) fn get() -> Route {
    web::route().guard(actix_web::guard::fn_guard(|ctx| [Method::GET, Method::HEAD].contains(&ctx.head().method)))
}
