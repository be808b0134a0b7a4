//! The middleware, driven through an actix application.
#![cfg(test)]

use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Payload, Service, ServiceFactory, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
    test::{TestRequest, call_service, init_service, read_body},
    web::{self, Bytes},
};
use futures_util::stream;
use paylent_ratelimit::{
    AddressPrefix, Limiter, Quota,
    actix::{Caller, Limit, RouteKey},
    clock::FakeRelativeClock,
};
use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

type TestLimiter = Arc<Limiter<RouteKey, FakeRelativeClock>>;
type TestLimit = Limit<fn(&ServiceRequest) -> Option<Caller>, FakeRelativeClock>;

fn limiter(requests: u32) -> (TestLimiter, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_minute(NonZeroU32::new(requests).unwrap());
    let limiter = Arc::new(Limiter::with_clock(quota, 1600, clock.clone()));
    (limiter, clock)
}

/// A host that is told tenant and address by headers; without them it exempts the request.
fn caller(request: &ServiceRequest) -> Option<Caller> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let address: IpAddr = header("x-address")?.parse().ok()?;
    Some(Caller { tenant: [header("x-tenant")?.parse().ok()?; 16], address: AddressPrefix::from(address) })
}

fn refusal(request: &ServiceRequest, seconds: u64) -> HttpResponse {
    HttpResponse::Ok().body(format!("{}: wait {seconds} s", request.path()))
}

fn limit(limiter: &TestLimiter, route: &'static str, methods: &[Method]) -> TestLimit {
    let methods = methods.iter().cloned();
    Limit::with_methods(Arc::clone(limiter), route, methods, caller, refusal)
}

fn post(path: &str) -> TestRequest {
    from(TestRequest::post().uri(path), "1", "192.0.2.1")
}

fn from(request: TestRequest, tenant: &str, address: &str) -> TestRequest {
    request.insert_header(("x-tenant", tenant)).insert_header(("x-address", address))
}

fn app(
    route: &'static str,
    limit: TestLimit,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let ok = || async { HttpResponse::Ok().finish() };
    App::new().service(web::resource(route).wrap(limit).default_service(web::to(ok)))
}

macro_rules! status {
    ($app:expr, $request:expr) => {
        call_service(&$app, $request.to_request()).await.status()
    };
}

/// rl.limits
#[actix_web::test]
async fn a_refusal_is_429_with_whole_seconds_that_suffice() {
    let (limiter, clock) = limiter(10);
    let app = init_service(app("/login", limit(&limiter, "/login", &[]))).await;
    for _ in 0..10 {
        assert_eq!(status!(app, post("/login")), StatusCode::OK);
    }
    clock.advance(Duration::from_millis(1));
    let response = call_service(&app, post("/login").to_request()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "6");
    assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    assert_eq!(read_body(response).await, "/login: wait 6 s");

    clock.advance(Duration::from_secs(6));
    assert_eq!(status!(app, post("/login")), StatusCode::OK);
}

/// rl.order
#[actix_web::test]
async fn a_refused_request_is_neither_read_nor_handled() {
    let (limiter, _clock) = limiter(1);
    let handled = Arc::new(AtomicUsize::new(0));
    let read = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let handler = move |_body: Bytes| {
        count.fetch_add(1, Ordering::Relaxed);
        async { HttpResponse::Ok().finish() }
    };
    let resource = web::resource("/token").route(web::post().to(handler));
    let app = App::new().service(resource.wrap(limit(&limiter, "/token", &[])));
    let app = init_service(app).await;
    for (expected, times) in [(StatusCode::OK, 1), (StatusCode::TOO_MANY_REQUESTS, 1)] {
        let polled = Arc::clone(&read);
        let body = stream::poll_fn(move |_| {
            polled.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(None)
        });
        let mut request = post("/token").to_request();
        let payload = Box::pin(body);
        *request.payload() = Payload::Stream { payload };
        assert_eq!(app.call(request).await.unwrap().status(), expected);
        assert_eq!(read.load(Ordering::Relaxed), times);
        assert_eq!(handled.load(Ordering::Relaxed), times);
    }
}

/// rl.id_path, rl.path: the path does not take part in the key.
#[actix_web::test]
async fn a_thousand_ids_under_one_template_share_a_bucket() {
    let (limiter, _clock) = limiter(100);
    let template = "/api/users/{id}";
    let app = init_service(app(template, limit(&limiter, template, &[]))).await;
    let mut admitted = 0;
    for id in 0..1000 {
        let path = format!("/api/users/{id}?page={id}");
        admitted += usize::from(status!(app, post(&path)) == StatusCode::OK);
    }
    assert_eq!(admitted, 100);
    assert_eq!(limiter.len(), 1);
}

#[actix_web::test]
async fn resources_that_name_one_template_share_a_bucket() {
    let (limiter, _clock) = limiter(1);
    let first = init_service(app("/first", limit(&limiter, "shared", &[]))).await;
    let second = init_service(app("/second", limit(&limiter, "shared", &[]))).await;
    let other = init_service(app("/other", limit(&limiter, "other", &[]))).await;
    assert_eq!(status!(first, post("/first")), StatusCode::OK);
    let refused = status!(second, post("/second"));
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(status!(other, post("/other")), StatusCode::OK);
}

/// rl.host: per tenant; and per client address.
#[actix_web::test]
async fn tenants_and_addresses_are_counted_apart() {
    let (limiter, _clock) = limiter(1);
    let app = init_service(app("/login", limit(&limiter, "/login", &[]))).await;
    for (tenant, address, expected) in [
        ("1", "192.0.2.1", StatusCode::OK),
        ("1", "192.0.2.1", StatusCode::TOO_MANY_REQUESTS),
        ("1", "::ffff:192.0.2.1", StatusCode::TOO_MANY_REQUESTS),
        ("2", "192.0.2.1", StatusCode::OK),
        ("1", "192.0.2.2", StatusCode::OK),
        ("1", "2001:db8::1", StatusCode::OK),
        ("1", "2001:db8::2", StatusCode::TOO_MANY_REQUESTS),
    ] {
        let request = from(TestRequest::post().uri("/login"), tenant, address);
        assert_eq!(status!(app, request), expected, "{tenant} {address}");
    }
}

/// rl.format: every method counts, unless the host names some.
#[actix_web::test]
async fn only_the_named_methods_are_counted() {
    let (limiter, _clock) = limiter(1);
    let posts = limit(&limiter, "/login", &[Method::POST]);
    let posts = init_service(app("/login", posts)).await;
    let all = init_service(app("/all", limit(&limiter, "/all", &[]))).await;
    let get = |path| from(TestRequest::get().uri(path), "1", "192.0.2.1");
    assert_eq!(status!(posts, post("/login")), StatusCode::OK);
    let refused = status!(posts, post("/login"));
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(status!(posts, get("/login")), StatusCode::OK);

    assert_eq!(status!(all, get("/all")), StatusCode::OK);
    assert_eq!(status!(all, post("/all")), StatusCode::TOO_MANY_REQUESTS);
}

#[actix_web::test]
async fn a_request_the_host_exempts_is_not_counted() {
    let (limiter, _clock) = limiter(1);
    let app = init_service(app("/login", limit(&limiter, "/login", &[]))).await;
    for _ in 0..3 {
        let exempt = TestRequest::post().uri("/login");
        assert_eq!(status!(app, exempt), StatusCode::OK);
    }
    assert!(limiter.is_empty());
}
