//! What is malformed is refused before anything is stored, in the order that HTTP suggests.

use actix_web::{http::Method, test::TestRequest};
use serde_json::{Value, json};

use crate::harness::{Api, JSON_API, new_user};

#[actix_web::test]
async fn ap_ctype_only_json_api_documents_are_read() {
    let api = Api::new().await;
    let post = || api.request(Method::POST, "/api/users").set_payload(new_user("jane@example.com").to_string());
    let with = |name: &'static str, value: &'static str| api.send(post().insert_header((name, value)));
    api.send(post()).await.expect(415);
    with("content-type", "application/json").await.expect(415);
    with("content-type", "application/vnd.api+json; charset=utf-8").await.expect(415);
    let zipped = post().insert_header(("content-type", JSON_API)).insert_header(("content-encoding", "gzip"));
    api.send(zipped).await.expect(415);
    let wants =
        post().insert_header(("content-type", JSON_API)).insert_header(("accept", "application/vnd.api+json;x=1"));
    api.send(wants).await.expect(406);
    with("content-type", JSON_API).await.expect(201);
}

#[actix_web::test]
async fn ap_type_and_ap_mass_types_ids_and_unknown_attributes_are_refused() {
    let api = Api::new().await;
    let post = |body: Value| api.post("/api/users", body);
    post(json!({"data": {"type": "client", "attributes": {}}})).await.expect(409);
    post(json!({"data": {"type": "user", "id": "x", "attributes": {}}})).await.expect(403);
    post(json!({"data": {"attributes": {}}})).await.expect(400);
    post(json!({})).await.expect(400);
    let faulty = json!({"data": {"type": "user", "attributes": {
        "email": "no address", "password": "short", "password_confirmation": "other", "email_verified": true, "first_name": ""}}});
    let faulty = post(faulty).await.expect(422);
    let mut pointers = faulty.pointers();
    pointers.sort_unstable();
    let expected = ["email", "email_verified", "first_name", "password", "password_confirmation"];
    assert_eq!(pointers, expected.map(|name| format!("/data/attributes/{name}")));
    assert_eq!(faulty.body["errors"][0]["id"], "request-1");
    assert_eq!(api.get("/api/users").await.body["data"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn ap_json_a_body_of_more_than_a_mebibyte_is_too_large() {
    let api = Api::new().await;
    let post = |body: Vec<u8>| {
        let request = api.request(Method::POST, "/api/users").insert_header(("content-type", JSON_API));
        api.send(request.set_payload(body))
    };
    post(vec![b' '; 1024 * 1024 + 1]).await.expect(413);
    post(vec![b'['; 100_000]).await.expect(400);
    post(Vec::new()).await.expect(400);
}

#[actix_web::test]
async fn ap_verbs_another_method_is_405_and_another_path_404() {
    let api = Api::new().await;
    let put = api.send(TestRequest::with_uri("/api/users").method(Method::PUT)).await.expect(405);
    assert_eq!(put.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    assert_eq!(put.header("content-type"), Some(JSON_API));
    let options = api.send(TestRequest::with_uri("/api/users").method(Method::OPTIONS)).await.expect(204);
    assert_eq!(options.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    api.send(api.request(Method::HEAD, "/api/users")).await.expect(200);
    for path in ["/api", "/api/", "/api/nothing", "/api/users/", "/api/users/x/y", "/api/users//"] {
        let lost = api.get(path).await.expect(404);
        assert_eq!(lost.header("content-type"), Some(JSON_API), "{path}");
        assert_eq!(lost.header("vary"), Some("Accept"), "{path}");
        assert_eq!(lost.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[actix_web::test]
async fn ap_auth_a_bad_token_is_never_nobody() {
    let api = Api::new().await;
    let with = |header: &str| api.send(TestRequest::with_uri("/api/users").insert_header(("authorization", header)));
    for bad in ["Bearer abc", "Basic YTpi", "Bearer pay_at_abc"] {
        let answer = with(bad).await.expect(401);
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#), "{bad}");
        assert_eq!(answer.code(), "invalid_token", "{bad}");
    }
    let answer = with("Bearer").await.expect(400);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_request""#));
}

#[actix_web::test]
async fn ap_sort_filter_and_fields_outside_the_schema_are_refused() {
    let api = Api::new().await;
    for query in [
        "sort=password_hash",
        "filter[password_hash]=x",
        "fields[user]=password_hash",
        "include=sessions",
        "page[size]=0",
        "page[size]=101",
        "environment=other",
    ] {
        api.get(&format!("/api/users?{query}")).await.expect(400);
    }
    let long = api.get(&format!("/api/users?filter[email]={}", "a".repeat(9_000))).await.expect(414);
    assert_eq!(long.code(), "uri_too_long");
}
