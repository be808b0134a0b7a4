//! The layer and the extractor in an axum service.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Request, Response},
    routing::get,
};
use paylent_resource_server::{Mode, Token, Validator};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_service::Service;

use crate::common::{INTROSPECT, JWKS, World, introspection, opaque};

fn app(validator: &Validator) -> Router {
    let subject = async |token: Token| token.subject;
    Router::new()
        .route("/orders", get(subject).route_layer(validator.require(["orders:read"])))
        .route("/refunds", get(subject).route_layer(validator.require(["refunds:read"])))
        .route("/bare", get(subject))
}

async fn call(world: &World, path: &str, authorization: Option<&str>) -> (Response<Body>, String) {
    let mut request = Request::get(path).extension(ConnectInfo(SocketAddr::from(([203, 0, 113, 5], 1))));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let response = app(&world.validator).call(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(to_bytes(body, 10_000).await.unwrap().to_vec()).unwrap();
    (Response::from_parts(parts, Body::empty()), body)
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn axum_a_good_token_reaches_the_handler() {
    let world = World::new(Mode::Jwks).await;
    let (response, body) = call(&world, "/orders", Some(&format!("Bearer {}", world.token(0)))).await;
    assert_eq!((response.status().as_u16(), body.as_str()), (200, "user-1"));
}

#[tokio::test]
async fn axum_a_request_is_turned_away_in_the_words_of_rfc_6750() {
    let world = World::new(Mode::Jwks).await;
    let (response, body) = call(&world, "/orders", None).await;
    assert_eq!((response.status().as_u16(), header(&response, "www-authenticate")), (401, Some("Bearer")));
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["error"], "unauthorized");

    let (response, _) = call(&world, &format!("/orders?access_token={}", world.token(0)), None).await;
    assert_eq!(response.status(), 401);

    let (response, _) = call(&world, "/orders", Some("Bearer x")).await;
    assert_eq!(header(&response, "www-authenticate"), Some(r#"Bearer error="invalid_token""#));

    let (response, _) = call(&world, "/refunds", Some(&format!("Bearer {}", world.token(0)))).await;
    let challenge = r#"Bearer error="insufficient_scope", scope="refunds:read""#;
    assert_eq!((response.status().as_u16(), header(&response, "www-authenticate")), (403, Some(challenge)));
}

#[tokio::test]
async fn axum_what_cannot_be_checked_is_503() {
    let world = World::new(Mode::Jwks).await;
    world.issuer.replies(JWKS, 500, "", "");
    let (response, _) = call(&world, "/orders", Some(&format!("Bearer {}", world.token(0)))).await;
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (503, Some("5")));
    assert_eq!(header(&response, "www-authenticate"), None);
}

#[tokio::test]
async fn axum_a_handler_without_a_guard_gets_no_token() {
    let world = World::new(Mode::Jwks).await;
    let (response, body) = call(&world, "/bare", Some(&format!("Bearer {}", world.token(0)))).await;
    assert_eq!(response.status(), 500);
    let expected = json!({ "error": "server_error", "error_description": "The service is misconfigured." });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
}

#[tokio::test]
async fn axum_the_address_of_a_real_connection_is_told_to_the_issuer() {
    let world = World::new(Mode::Auto(introspection().sending_client_ip())).await;
    world.issuer.answers(INTROSPECT, &world.description());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app(&world.validator).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = opaque('a');
    let request =
        format!("GET /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("user-1"), "{answer}");
    assert_eq!(world.issuer.seen()[0].form["client_ip"], "127.0.0.1");
}
