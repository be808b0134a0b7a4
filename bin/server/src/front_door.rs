//! Where every request comes in: it gets an id, its environment and its origin, is counted and limited, and leaves with
//! the headers that every response has.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            CACHE_CONTROL, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
            STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
    web::Data,
};
use paylent_domain::{
    clock::Stopwatch,
    network::{Caller, Origin},
};
use paylent_storage::Env;
use tracing::Instrument;

use crate::{app::Shared, refusal::Refusal, request_metrics, unread::Unread};

/// The route of a request that matches none.
const UNMATCHED: &str = "unmatched";

/// How far the clocks of this node and the database may differ, in microseconds: expiry is judged by both.
const MAX_CLOCK_DIFFERENCE: u64 = 2_000_000;

/// The middleware around everything.
pub(crate) async fn enter<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let clock = Stopwatch::start();
    let request_id = next_request_id();
    let span = tracing::error_span!("request", id = request_id);
    let Some(shared) = request.app_data::<Data<Shared>>().cloned() else {
        return Ok(request.into_response(HttpResponse::InternalServerError().finish()).map_into_right_body());
    };
    let method = request.method().clone();
    let route = request.match_pattern();
    let is_https = shared.rooms.directory.hosts().is_https();
    let unread = Unread::of(&mut request);
    let mut response = async {
        let admitted = admit(&shared, &request, route.as_deref(), &request_id).await;
        match admitted {
            Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
            Err(refusal) => {
                let response = refusal.response(request.request(), &request_id);
                Ok::<_, Error>(request.into_response(response).map_into_right_body())
            }
        }
    }
    .instrument(span.clone())
    .await?;
    dress(response.headers_mut(), &request_id, is_https);
    let route = route.as_deref().unwrap_or(UNMATCHED);
    record(&span, &response, &method, route, &clock);
    Ok(unread.hold(response))
}

/// Finds out for whom and from where the request is, and whether it is admitted.
async fn admit(shared: &Shared, request: &ServiceRequest, route: Option<&str>, id: &str) -> Result<(), Refusal> {
    if request.path().starts_with("/health/") {
        return Ok(());
    }
    // Whoever only asks for something may offer it, and is answered as if they did not (RFC 9110 section 7.8).
    if request.head().upgrade() && !request.method().is_safe() {
        return Err(Refusal::Upgrade);
    }
    let host = host(request)?;
    let rooms = &shared.rooms;
    let tenant = rooms.directory.tenant(&rooms.db, host).await.map_err(Refusal::unavailable)?;
    let tenant = tenant.ok_or(Refusal::UnknownHost)?;
    if has_hidden_characters(request.path()) {
        return Err(Refusal::NotFound);
    }
    let caller = caller(shared, request)?;
    let limited = route.unwrap_or(if request.path().starts_with("/api/") { "/api/" } else { UNMATCHED });
    let environment = *tenant.environment.id.as_bytes();
    let limited = shared.limiters.check(environment, caller.ip, request.method(), limited);
    limited.map_err(|seconds| Refusal::TooMany { seconds })?;
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut extensions = request.extensions_mut();
    let Caller { ip, is_disguised } = caller;
    let env = Env::new(rooms.db.clone(), tenant).with_post(shared.post.clone());
    extensions.insert(env.seen_from(ip, user_agent.clone()));
    extensions.insert(Origin { ip, is_disguised, user_agent, request_id: id.to_owned() });
    Ok(())
}

/// The one `Host` header, which must agree with an absolute request target (RFC 9112 section 3.2).
fn host(request: &ServiceRequest) -> Result<&str, Refusal> {
    let mut values = request.headers().get_all(HOST);
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Refusal::BadHost) };
    let host = value.to_str().map_err(|_| Refusal::BadHost)?;
    match request.uri().authority() {
        Some(target) if !target.as_str().eq_ignore_ascii_case(host) => Err(Refusal::BadHost),
        _ => Ok(host),
    }
}

/// Whether the path escapes characters that need no escape (RFC 3986 section 2.3): two spellings of one route.
fn has_hidden_characters(path: &str) -> bool {
    path.split('%').skip(1).any(|rest| {
        let decoded = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.is_none_or(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    })
}

fn caller(shared: &Shared, request: &ServiceRequest) -> Result<Caller, Refusal> {
    let peer = request.request().peer_addr().ok_or(Refusal::NotFound)?.ip();
    // A byte that is no text spoils the element it stands in, not what a proxy wrote behind it.
    let forwarded = request.headers().get_all("x-forwarded-for");
    let forwarded: Vec<_> = forwarded.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let forwarded: Vec<&str> = forwarded.iter().map(AsRef::as_ref).collect();
    Ok(shared.rooms.proxies.caller(peer, &forwarded, is_forwarded(request)))
}

/// Whether the request says that a proxy forwarded it (RFC 7239, and what came before).
fn is_forwarded(request: &ServiceRequest) -> bool {
    const SIGNS: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    SIGNS.iter().any(|name| request.headers().contains_key(*name))
}

/// Adds the headers that every response has.
fn dress(headers: &mut HeaderMap, request_id: &str, is_https: bool) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}

/// Counts the request and writes its line in the log. The query is left out: it may hold secrets.
fn record<B>(span: &tracing::Span, response: &ServiceResponse<B>, method: &Method, route: &str, clock: &Stopwatch) {
    let (status, elapsed) = (response.status().as_u16(), clock.elapsed());
    request_metrics::record(method, route, status, elapsed);
    span.in_scope(|| {
        let host = response.request().headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("-");
        let path = response.request().path();
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(target: "paylent::request", method = method.as_str(), host, path, status, micros);
    });
}

/// An id that no other request of any node has: where and when the process started, and a count.
fn next_request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = || paylent_crypto::secret::random_bytes::<8>().map_or(0, u64::from_be_bytes);
    static PROCESS: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    format!("{:016x}-{:x}", PROCESS.get_or_init(random), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// `GET /health/ready`: whether requests are welcome.
pub(crate) async fn ready(shared: Data<Shared>, draining: Data<AtomicBool>) -> HttpResponse {
    if draining.load(Ordering::SeqCst) {
        return not_ready("stopping\n");
    }
    match shared.rooms.db.clock_lead(shared.rooms.clock.now()).await {
        Ok(lead) if lead.unsigned_abs() <= MAX_CLOCK_DIFFERENCE => {
            HttpResponse::Ok().content_type("text/plain").body("ready\n")
        }
        Ok(lead) => {
            tracing::warn!(microseconds = lead, "the clocks of this node and the database differ");
            not_ready("the clocks of this node and the database differ\n")
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            not_ready("the database does not answer\n")
        }
    }
}

fn not_ready(reason: &'static str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((RETRY_AFTER, "2"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("text/plain")
        .body(reason)
}

/// The answer to a path that nothing is mounted at.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    let id = request.extensions().get::<Origin>().map(|origin| origin.request_id.clone()).unwrap_or_default();
    Refusal::NotFound.response(&request, &id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rl_path_escapes_of_plain_characters_are_found() {
        for hidden in ["/oauth/%74oken", "/oauth/%2e/token", "/a%", "/a%2", "/a%zz"] {
            assert!(has_hidden_characters(hidden), "{hidden}");
        }
        assert!(!has_hidden_characters("/api/users/a%20b"));
        assert!(!has_hidden_characters("/oauth/token"));
    }

    #[test]
    fn request_ids_do_not_repeat() {
        assert_ne!(next_request_id(), next_request_id());
    }
}
