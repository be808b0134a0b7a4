//! `GET` and `POST /oauth/userinfo` (OpenID Connect Core section 5.3).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    web::{Data, Payload},
};
use paylent_oauth::{BearerError, Error, UserInfoError, bearer_token};
use serde_json::json;

use crate::{
    Settings,
    oauth::{body, caller, engine, environment, reply},
};

/// `GET /oauth/userinfo`. The token comes in the `Authorization` header (RFC 6750 section 2.1).
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    answer(&request, &settings, None).await
}

/// `POST /oauth/userinfo`. The token comes in the header, or as `access_token` in a form (RFC 6750 section 2.2).
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let Some(env) = environment(&request) else { return HttpResponse::NotFound().finish() };
    if request.headers().get(CONTENT_TYPE).is_none() {
        return answer(&request, &settings, None).await;
    }
    match body::read(&request, payload).await {
        Ok(parameters) => answer(&request, &settings, parameters.get("access_token")).await,
        Err(refusal) => refusal.response(&env.tenant().base_url),
    }
}

async fn answer(request: &HttpRequest, settings: &Settings, in_body: Option<&str>) -> HttpResponse {
    let Some(env) = environment(request) else { return HttpResponse::NotFound().finish() };
    let issuer = env.tenant().base_url.clone();
    let headers: Vec<&[u8]> = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes()).collect();
    let token = match (bearer_token(&headers), in_body) {
        (Ok(Some(_)), Some(_)) => return refuse(&issuer, 400, Some("invalid_request"), "Send one access token, once."),
        (Ok(Some(token)), None) | (Ok(None), Some(token)) => token,
        (Ok(None), None) => return refuse(&issuer, 401, None, "Send an access token in the Authorization header."),
        (Err(error), _) => return refused(&issuer, error.into()),
    };
    match engine(&env, settings).userinfo(token, caller(request)).await {
        Ok(person) => reply::answer(&person),
        Err(error) => refused(&issuer, error),
    }
}

fn refused(issuer: &str, error: UserInfoError) -> HttpResponse {
    let sentence = error.to_string();
    match error {
        UserInfoError::InsufficientScope => refuse(issuer, 403, Some("insufficient_scope"), &sentence),
        UserInfoError::Bearer(BearerError::Malformed) => refuse(issuer, 400, Some("invalid_request"), &sentence),
        UserInfoError::Bearer(BearerError::Invalid) => refuse(issuer, 401, Some("invalid_token"), &sentence),
        UserInfoError::Bearer(BearerError::Foreign(foreign)) => {
            reply::Refusal::from(Error::from(foreign)).response(issuer)
        }
        UserInfoError::Bearer(BearerError::Failed(error)) => reply::Refusal::from(error).response(issuer),
    }
}

/// An error of RFC 6750 section 3.1. A request that brought no token is told no code: nothing about it is an error but that.
fn refuse(issuer: &str, status: u16, code: Option<&str>, sentence: &str) -> HttpResponse {
    let mut challenge = format!("Bearer realm=\"{issuer}\"");
    if let Some(code) = code {
        challenge.push_str(&format!(", error=\"{code}\", error_description=\"{sentence}\""));
    }
    if code == Some("insufficient_scope") {
        challenge.push_str(", scope=\"openid\"");
    }
    let body = match code {
        Some(code) => json!({"error": code, "error_description": sentence}),
        None => json!({}),
    };
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST))
        .insert_header((WWW_AUTHENTICATE, challenge))
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("application/json")
        .body(body.to_string())
}
