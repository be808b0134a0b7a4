//! Registration for front ends. No cookie is read: what a program may do follows from what it sends.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT_LANGUAGE, HeaderValue, RETRY_AFTER},
    },
    web::Payload,
};
use paylent_domain::{
    network::Origin,
    registration::{PASSCODE_TTL, TOKEN_TTL},
};
use paylent_oauth::Parameters;
use paylent_storage::Env;
use serde_json::json;

use super::{Applicant, Problem, Told};
use crate::{
    Settings,
    oauth::{self, body, reply},
    pages::negotiate,
};

/// What every endpoint reads, and what it answers with.
async fn answer(
    request: &HttpRequest,
    payload: Payload,
    settings: &Settings,
    run: impl AsyncFnOnce(Applicant<'_>, &Parameters) -> Result<HttpResponse, Problem>,
) -> HttpResponse {
    let origin = request.extensions().get::<Origin>().cloned();
    let (Some(env), Some(origin)) = (oauth::environment(request), origin) else {
        return HttpResponse::NotFound().finish();
    };
    let bytes = match body::bytes(payload).await {
        Ok(bytes) => bytes,
        Err(refusal) => return refusal.response(&env.tenant().base_url),
    };
    let parameters = match Parameters::from_json(&bytes) {
        Ok(parameters) => parameters,
        Err(error) => return refused(422, "invalid_request", &error.description),
    };
    let accepted = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let (language, now) = (negotiate(None, accepted), settings.clock.now());
    let applicant = Applicant { env: &env, settings, origin: &origin, now, language, browser: "" };
    run(applicant, &parameters).await.unwrap_or_else(|problem| told(problem, &env))
}

pub(super) async fn begin(request: &HttpRequest, payload: Payload, settings: &Settings) -> HttpResponse {
    let run = async |applicant: Applicant<'_>, given: &Parameters| {
        let id = applicant.begin(given.get("email").unwrap_or_default()).await?;
        let begun = json!({"registration_id": id.expose(), "expires_in": PASSCODE_TTL});
        Ok(reply::write(StatusCode::ACCEPTED, &begun))
    };
    answer(request, payload, settings, run).await
}

pub(super) async fn verify(request: &HttpRequest, payload: Payload, settings: &Settings) -> HttpResponse {
    let run = async |applicant: Applicant<'_>, given: &Parameters| {
        let field = |name| given.get(name).unwrap_or_default();
        let token = applicant.verify(field("registration_id"), field("passcode")).await?;
        let proved = json!({"registration_token": token.expose(), "expires_in": TOKEN_TTL});
        Ok(reply::write(StatusCode::OK, &proved))
    };
    answer(request, payload, settings, run).await
}

pub(super) async fn complete(request: &HttpRequest, payload: Payload, settings: &Settings) -> HttpResponse {
    let run = async |applicant: Applicant<'_>, given: &Parameters| {
        let field = |name| given.get(name).unwrap_or_default();
        let told = Told {
            registration_token: field("registration_token"),
            first_name: field("first_name"),
            last_name: field("last_name"),
            password: field("password"),
            password_confirmation: field("password_confirmation"),
        };
        let registered = applicant.complete(&told, None).await?;
        Ok(reply::write(StatusCode::CREATED, &json!({"id": registered.user.id.to_string()})))
    };
    answer(request, payload, settings, run).await
}

fn told(problem: Problem, env: &Env) -> HttpResponse {
    match problem {
        Problem::Fields(faults) => {
            let sentences: Vec<String> = faults.iter().map(|(field, rule)| format!("{field} {rule}.")).collect();
            refused(422, "invalid_request", &sentences.join(" "))
        }
        Problem::Unknown => {
            refused(400, "invalid_registration", "The code or the registration is not right, or not good any more.")
        }
        Problem::Closed => refused(403, "registration_disabled", "Nobody can register here."),
        Problem::Taken => refused(409, "invalid_registration", "The registration cannot be completed."),
        Problem::TooMany { retry_after } => {
            let mut response = refused(429, "too_many_requests", "Too many attempts. Try again later.");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after));
            response
        }
        Problem::Busy => reply::Refusal::from(paylent_oauth::Error::unavailable("no room to hash a password"))
            .response(&env.tenant().base_url),
        Problem::Failed(error) => reply::Refusal::from(error).response(&env.tenant().base_url),
    }
}

fn refused(status: u16, error: &str, description: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    reply::write(status, &json!({"error": error, "error_description": description}))
}
