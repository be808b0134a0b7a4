//! Asking the issuer (RFC 7662).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_resource_server::{Introspection, Mode, Organization, Rejection, TokenError};
use serde_json::{Value, json};

use crate::common::{AUDIENCE, INTROSPECT, JWKS, NOW, World, introspection, invalid, opaque};

async fn asking() -> World {
    let world = World::new(Mode::Introspection(introspection())).await;
    world.issuer.answers(INTROSPECT, &world.description());
    world
}

#[tokio::test]
async fn an_active_token_is_accepted_with_what_the_issuer_says() {
    let world = asking().await;
    let mut description = world.description();
    description["aud"] = json!([AUDIENCE]);
    description["org_id"] = json!("org-1");
    description["org_roles"] = json!(["owner"]);
    world.issuer.answers(INTROSPECT, &description);
    let token = world.check(&opaque('a')).await.unwrap();
    assert_eq!((token.subject.as_str(), token.client_id.as_str()), ("user-1", "client-1"));
    assert!(token.has_scope("orders:read") && token.expires_at == Some(NOW + 3_600));
    let organization = Organization { id: "org-1".to_owned(), roles: vec!["owner".to_owned()], permissions: vec![] };
    assert_eq!(token.organization, Some(organization));
}

#[tokio::test]
async fn the_issuer_is_asked_with_basic_and_the_token_in_the_body() {
    let world = asking().await;
    world.check(&opaque('a')).await.unwrap();
    let seen = &world.issuer.seen()[0];
    let basic = seen.authorization.as_deref().unwrap().strip_prefix("Basic ").unwrap();
    // Both parts are form-encoded first (RFC 6749 section 2.3.1).
    assert_eq!(STANDARD.decode(basic).unwrap(), b"orders+api:se%3Acret");
    assert_eq!(seen.path, INTROSPECT);
    assert_eq!(seen.form["token"], opaque('a'));
    assert_eq!(seen.form.len(), 2, "{:?}", seen.form);
}

#[tokio::test]
async fn an_inactive_token_is_refused() {
    let world = asking().await;
    world.issuer.answers(INTROSPECT, &json!({ "active": false }));
    let rejection = world.check(&opaque('a')).await.unwrap_err();
    assert_eq!(rejection, Rejection::InvalidToken(None));
    assert_eq!(rejection.www_authenticate().as_deref(), Some(r#"Bearer error="invalid_token""#));
}

#[tokio::test]
async fn a_token_that_never_expires_is_accepted() {
    let world = asking().await;
    let mut description = world.description();
    description.as_object_mut().unwrap().remove("exp");
    world.issuer.answers(INTROSPECT, &description);
    assert_eq!(world.check(&opaque('a')).await.unwrap().expires_at, None);
}

#[tokio::test]
async fn jw_aud_jw_iss_an_active_token_that_is_not_for_this_api_is_refused() {
    let world = asking().await;
    for (name, value, cause) in [
        ("aud", json!("https://other.example"), TokenError::Audience),
        ("aud", json!(["https://other.example"]), TokenError::Audience),
        ("iss", json!("https://evil.example"), TokenError::Issuer),
        ("exp", json!(NOW), TokenError::Expired),
        ("sub", json!(""), TokenError::Claim("sub")),
        ("client_id", json!(""), TokenError::Claim("client_id")),
    ] {
        let mut description = world.description();
        description[name] = value;
        world.issuer.answers(INTROSPECT, &description);
        assert_eq!(world.check(&opaque('a')).await, Err(cause.into()), "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_lets_nobody_in() {
    let world = asking().await;
    let without = |name: &str| {
        let mut description = world.description();
        description.as_object_mut().unwrap().remove(name);
        description.to_string()
    };
    let twice = format!("{{\"active\":false,{}", &world.description().to_string()[1..]);
    let two =
        world.description().to_string().replace(&json!(AUDIENCE).to_string(), &json!([AUDIENCE, "b"]).to_string());
    for body in [
        without("active"),
        without("aud"),
        without("iss"),
        without("sub"),
        twice,
        two,
        "<html>".to_owned(),
        String::new(),
    ] {
        world.issuer.replies(INTROSPECT, 200, "", &body);
        assert_eq!(world.check(&opaque('a')).await, Err(Rejection::Unavailable { retry_after: 5 }), "{body}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_or_refuses_us_is_503_for_the_caller() {
    let world = asking().await;
    let good = world.description().to_string();
    for (status, header, retry_after) in [
        (500, "", 5),
        (401, "", 5),
        (302, "Location: /elsewhere\r\n", 5),
        (503, "Retry-After: 7\r\n", 7),
        (429, "Retry-After: 86400\r\n", 60),
        (503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 5),
        (201, "", 5),
    ] {
        world.issuer.replies(INTROSPECT, status, header, &good);
        assert_eq!(world.check(&opaque('a')).await, Err(Rejection::Unavailable { retry_after }), "{status}");
    }
    let nowhere = |config: &mut paylent_resource_server::Config| {
        config.introspection_endpoint = Some("http://127.0.0.1:1/introspect".to_owned());
    };
    let world = World::with(Mode::Introspection(introspection()), nowhere).await;
    assert_eq!(world.check(&opaque('a')).await.unwrap_err().status(), 503);
}

#[tokio::test]
async fn what_is_no_access_token_is_not_sent_anywhere() {
    for mode in [Mode::Introspection(introspection()), Mode::Auto(introspection())] {
        let world = World::new(mode).await;
        let refresh = opaque('a').replace("pay_at_", "pay_rt_");
        let secret = opaque('a').replace("pay_at_", "pay_cs_");
        for stranger in ["x", "pay_at_short", "a.b.c", refresh.as_str(), secret.as_str()] {
            assert!(invalid(&world.check(stranger).await), "{stranger}");
        }
        assert_eq!(world.issuer.asked(), 0);
    }
}

#[tokio::test]
async fn where_everything_is_introspected_signed_tokens_are_too() {
    let world = asking().await;
    world.issuer.answers(INTROSPECT, &json!({ "active": false }));
    assert!(invalid(&world.check(&world.token(0)).await));
    assert_eq!(world.issuer.seen()[0].path, INTROSPECT);
}

#[tokio::test]
async fn auto_asks_about_opaque_tokens_and_checks_signed_ones_itself() {
    let world = World::new(Mode::Auto(introspection())).await;
    world.issuer.answers(INTROSPECT, &world.description());
    assert!(world.check(&world.token(0)).await.is_ok());
    assert!(world.check(&opaque('a')).await.is_ok());
    let paths: Vec<String> = world.issuer.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, [JWKS, INTROSPECT]);
}

#[tokio::test]
async fn the_issuer_is_asked_for_every_request_unless_told_otherwise() {
    let world = asking().await;
    assert!(world.check(&opaque('a')).await.is_ok());
    world.issuer.answers(INTROSPECT, &json!({ "active": false }));
    assert!(invalid(&world.check(&opaque('a')).await));
}

fn cached(send_client_ip: bool) -> Mode {
    Mode::Introspection(Introspection { cache: Duration::from_secs(5), send_client_ip, ..introspection() })
}

#[tokio::test]
async fn an_accepted_token_may_be_remembered_for_five_seconds() {
    let world = World::new(cached(false)).await;
    world.issuer.answers(INTROSPECT, &world.description());
    let first = world.check(&opaque('a')).await;
    world.issuer.answers(INTROSPECT, &json!({ "active": false }));
    world.advance(4);
    assert_eq!(world.check(&opaque('a')).await, first);
    // Another token is another question.
    assert!(invalid(&world.check(&opaque('b')).await));
    world.advance(1);
    assert!(invalid(&world.check(&opaque('a')).await));
    assert_eq!(world.issuer.asked(), 3);
    // A refusal is not remembered.
    world.issuer.answers(INTROSPECT, &world.description());
    assert!(world.check(&opaque('a')).await.is_ok());
}

#[tokio::test]
async fn a_token_that_dies_while_it_is_remembered_is_dead() {
    let world = World::new(cached(false)).await;
    let mut description = world.description();
    description["exp"] = json!(NOW + 2);
    world.issuer.answers(INTROSPECT, &description);
    assert!(world.check(&opaque('a')).await.is_ok());
    world.advance(2);
    assert_eq!(world.check(&opaque('a')).await, Err(TokenError::Expired.into()));
}

#[tokio::test]
async fn ip_violate_a_token_is_remembered_for_one_address() {
    let world = World::new(cached(true)).await;
    world.issuer.answers(INTROSPECT, &world.description());
    assert!(world.check_from(&opaque('a'), "203.0.113.5", &[]).await.is_ok());
    world.issuer.answers(INTROSPECT, &json!({ "active": false }));
    assert!(world.check_from(&opaque('a'), "203.0.113.5", &[]).await.is_ok());
    assert!(invalid(&world.check_from(&opaque('a'), "203.0.113.6", &[]).await));
    let told: Vec<Value> = world.issuer.seen().iter().map(|seen| json!(seen.form["client_ip"])).collect();
    assert_eq!(told, ["203.0.113.5", "203.0.113.6"]);
}
