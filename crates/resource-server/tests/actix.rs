//! The middleware and the extractor in an actix-web service.

use std::net::SocketAddr;

use actix_web::{
    App,
    middleware::DefaultHeaders,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use paylent_resource_server::{Mode, Token};
use serde_json::{Value, json};

use crate::common::{INTROSPECT, JWKS, World, introspection, opaque};

/// The status, the named headers and the body of an answer.
struct Answer {
    status: u16,
    challenge: Option<String>,
    retry_after: Option<String>,
    is_dressed: bool,
    body: String,
}

async fn subject(token: Token) -> String {
    token.subject
}

async fn call(world: &World, path: &str, authorization: Option<&str>) -> Answer {
    let validator = world.validator.clone();
    let app = App::new()
        .wrap(DefaultHeaders::new().add(("X-Outer", "1")))
        .service(web::resource("/orders").wrap(validator.require(["orders:read"])).get(subject))
        .service(web::scope("/admin").wrap(validator.require(["admin:read"])).route("/x", web::get().to(subject)))
        .route("/bare", web::get().to(subject));
    let app = init_service(app).await;
    let mut request = TestRequest::get().uri(path).peer_addr(SocketAddr::from(([203, 0, 113, 5], 1)));
    if let Some(value) = authorization {
        request = request.insert_header(("authorization", value));
    }
    let response = call_service(&app, request.to_request()).await;
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (challenge, retry_after) = (header("www-authenticate"), header("retry-after"));
    let is_dressed = header("x-outer").is_some();
    let status = response.status().as_u16();
    let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
    Answer { status, challenge, retry_after, is_dressed, body }
}

#[actix_web::test]
async fn actix_a_good_token_reaches_the_handler() {
    let world = World::new(Mode::Jwks).await;
    let answer = call(&world, "/orders", Some(&format!("Bearer {}", world.token(0)))).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "user-1"));
}

#[actix_web::test]
async fn actix_a_request_is_turned_away_in_the_words_of_rfc_6750() {
    let world = World::new(Mode::Jwks).await;
    let answer = call(&world, "/orders", None).await;
    assert_eq!((answer.status, answer.challenge.as_deref(), answer.is_dressed), (401, Some("Bearer"), true));
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap()["error"], "unauthorized");

    let answer = call(&world, &format!("/orders?access_token={}", world.token(0)), None).await;
    assert_eq!(answer.status, 401);

    let answer = call(&world, "/orders", Some("Bearer x")).await;
    assert_eq!(answer.challenge.as_deref(), Some(r#"Bearer error="invalid_token""#));

    let answer = call(&world, "/admin/x", Some(&format!("Bearer {}", world.token(0)))).await;
    let challenge = r#"Bearer error="insufficient_scope", scope="admin:read""#;
    assert_eq!((answer.status, answer.challenge.as_deref()), (403, Some(challenge)));
}

#[actix_web::test]
async fn actix_what_cannot_be_checked_is_503() {
    let world = World::new(Mode::Jwks).await;
    world.issuer.replies(JWKS, 500, "", "");
    let answer = call(&world, "/orders", Some(&format!("Bearer {}", world.token(0)))).await;
    assert_eq!((answer.status, answer.retry_after.as_deref(), answer.challenge), (503, Some("5"), None));
}

#[actix_web::test]
async fn actix_a_handler_without_a_guard_gets_no_token() {
    let world = World::new(Mode::Jwks).await;
    let answer = call(&world, "/bare", Some(&format!("Bearer {}", world.token(0)))).await;
    assert_eq!(answer.status, 500);
    let expected = json!({ "error": "server_error", "error_description": "The service is misconfigured." });
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), expected);
}

#[actix_web::test]
async fn actix_the_address_of_the_peer_is_told_to_the_issuer() {
    let world = World::new(Mode::Auto(introspection().sending_client_ip())).await;
    world.issuer.answers(INTROSPECT, &world.description());
    let answer = call(&world, "/orders", Some(&format!("Bearer {}", opaque('a')))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.issuer.seen()[0].form["client_ip"], "203.0.113.5");
}
