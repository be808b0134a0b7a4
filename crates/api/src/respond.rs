//! From an HTTP request to an answer: finds the endpoint, opens the call, and turns every failure into a document.

use std::{future::Future, pin::Pin};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{ALLOW, CACHE_CONTROL, VARY},
    },
    web::{Data, Payload},
};
use paylent_jsonapi::media_type::MEDIA_TYPE;
use paylent_storage::Env;

use crate::{ENDPOINTS, Endpoint, Settings, call::Call, failure::Failure};

type Responding = Pin<Box<dyn Future<Output = HttpResponse>>>;

/// Answers every method at `path`.
pub(crate) fn at(path: &'static str) -> impl Fn(HttpRequest, Payload, Data<Settings>) -> Responding + Clone {
    move |request, payload, settings| {
        Box::pin(async move {
            let answer = answer(path, &request, payload, settings).await;
            answer.unwrap_or_else(|failure| failure.response(&request))
        })
    }
}

/// Answers what no endpoint is for.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    Failure::NotFound.response(&request)
}

/// A response with the headers all have.
pub(crate) fn response(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.content_type(MEDIA_TYPE).insert_header((VARY, "Accept")).insert_header((CACHE_CONTROL, "no-store"));
    response
}

async fn answer(
    path: &str,
    request: &HttpRequest,
    payload: Payload,
    settings: Data<Settings>,
) -> Result<HttpResponse, Failure> {
    let env = request.extensions().get::<Env>().cloned().ok_or(Failure::NotFound)?;
    let endpoints = || ENDPOINTS.iter().filter(|endpoint| endpoint.path == path);
    let method = if request.method() == Method::HEAD { "GET" } else { request.method().as_str() };
    match endpoints().find(|endpoint| endpoint.method == method) {
        Some(endpoint) => {
            let call = Call::open(request.clone(), payload, settings, env, endpoint).await?;
            (endpoint.answer)(call).await
        }
        // JSON:API 1.1, "Updating Relationships": 403, for those who may see it.
        None if path.contains("/relationships/") && matches!(method, "POST" | "PATCH" | "DELETE") => {
            let endpoint = endpoints().next().ok_or(Failure::NotFound)?;
            Call::open(request.clone(), payload, settings, env, endpoint).await?;
            Err(Failure::fixed_relationship())
        }
        None if method == "OPTIONS" => {
            Ok(HttpResponse::NoContent().insert_header((ALLOW, allowed(endpoints()))).finish())
        }
        None => Err(Failure::MethodNotAllowed(allowed(endpoints()))),
    }
}

/// The value of `Allow`.
fn allowed<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> String {
    let methods = endpoints.flat_map(|endpoint| match endpoint.method {
        "GET" => vec!["GET", "HEAD"],
        other => vec![other],
    });
    methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
}
