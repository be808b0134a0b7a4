//! The issuer's keys: how long they are kept, when newer ones are asked for, and what happens when there are none.

use std::{sync::Arc, time::Duration};

use paylent_resource_server::{Mode, Rejection, TokenError};
use serde_json::json;
use tokio::task::JoinSet;

use crate::common::{JWKS, World, invalid, jwks, key};

const UNAVAILABLE: Rejection = Rejection::Unavailable { retry_after: 5 };

#[tokio::test]
async fn keys_are_asked_for_once() {
    let world = World::new(Mode::Jwks).await;
    for _ in 0..3 {
        assert!(world.check(&world.token(0)).await.is_ok());
    }
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn tokens_that_come_together_wait_for_one_fetch() {
    let world = Arc::new(World::new(Mode::Jwks).await);
    let held = world.issuer.hold().await;
    let mut checks = JoinSet::new();
    for _ in 0..50 {
        let world = Arc::clone(&world);
        checks.spawn(async move { world.check(&world.token(0)).await });
    }
    world.issuer.arrived(1).await;
    drop(held);
    assert!(checks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_end_the_fetch() {
    let world = Arc::new(World::new(Mode::Jwks).await);
    let held = world.issuer.hold().await;
    let asking = Arc::clone(&world);
    let gone = tokio::spawn(async move { asking.check(&asking.token(0)).await });
    world.issuer.arrived(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(held);
    assert!(world.check(&world.token(0)).await.is_ok());
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn jw_rotate_a_new_key_is_found_and_an_old_one_ends() {
    let world = World::new(Mode::Jwks).await;
    assert!(world.check(&world.token(0)).await.is_ok());
    world.issuer.answers(JWKS, &jwks(&[0, 1]));
    world.advance(31);
    assert!(world.check(&world.token(1)).await.is_ok());
    assert!(world.check(&world.token(0)).await.is_ok());
    assert_eq!(world.issuer.asked(), 2);
    // Withdrawn: refused as soon as the keys are due.
    world.issuer.answers(JWKS, &jwks(&[1]));
    world.advance(300);
    assert_eq!(world.check(&world.token(0)).await, Err(TokenError::Key.into()));
    assert!(world.check(&world.token(1)).await.is_ok());
}

#[tokio::test]
async fn jw_kid_a_flood_of_unknown_keys_asks_once_in_half_a_minute() {
    let world = World::new(Mode::Jwks).await;
    assert!(world.check(&world.token(0)).await.is_ok());
    for _ in 0..20 {
        assert_eq!(world.check(&world.token(1)).await, Err(TokenError::Key.into()));
    }
    assert_eq!(world.issuer.asked(), 1);
    world.advance(30);
    for _ in 0..20 {
        assert!(invalid(&world.check(&world.token(1)).await));
    }
    assert_eq!(world.issuer.asked(), 2);
    world.advance(29);
    assert!(invalid(&world.check(&world.token(1)).await));
    assert_eq!(world.issuer.asked(), 2);
}

#[tokio::test]
async fn keys_are_kept_for_as_long_as_the_issuer_says_within_bounds() {
    for (header, kept) in [
        ("", 300),
        ("Cache-Control: public, max-age=120\r\n", 120),
        ("Cache-Control: max-age=1\r\n", 60),
        ("Cache-Control: max-age=99999999\r\n", 3_600),
        ("Cache-Control: max-age=-5\r\n", 60),
        ("Cache-Control: max-age=x\r\n", 300),
    ] {
        let world = World::new(Mode::Jwks).await;
        world.issuer.replies(JWKS, 200, header, &jwks(&[0]).to_string());
        assert!(world.check(&world.token(0)).await.is_ok());
        world.advance(kept - 1);
        assert!(world.check(&world.token(0)).await.is_ok());
        assert_eq!(world.issuer.asked(), 1, "{header}");
        world.advance(1);
        assert!(world.check(&world.token(0)).await.is_ok());
        assert_eq!(world.issuer.asked(), 2, "{header}");
    }
}

#[tokio::test]
async fn old_keys_count_for_an_hour_while_newer_ones_cannot_be_had() {
    let world = World::new(Mode::Jwks).await;
    assert!(world.check(&world.token(0)).await.is_ok());
    world.issuer.replies(JWKS, 500, "", "");
    world.advance(300);
    assert!(world.check(&world.token(0)).await.is_ok());
    assert_eq!(world.check(&world.token(1)).await, Err(UNAVAILABLE));
    assert_eq!(world.issuer.asked(), 2);
    world.advance(3_599);
    assert!(world.check(&world.token(0)).await.is_ok());
    world.advance(1);
    assert_eq!(world.check(&world.token(0)).await, Err(UNAVAILABLE));
    world.advance(5);
    world.issuer.answers(JWKS, &jwks(&[0]));
    assert!(world.check(&world.token(0)).await.is_ok());
}

#[tokio::test]
async fn nobody_waits_for_an_issuer_that_is_known_to_be_down() {
    let world = World::new(Mode::Jwks).await;
    assert!(world.check(&world.token(0)).await.is_ok());
    world.issuer.replies(JWKS, 500, "", "");
    world.advance(300);
    assert!(world.check(&world.token(0)).await.is_ok());
    world.advance(5);
    let held = world.issuer.hold().await;
    // It is asked again, but the answer is not waited for.
    for _ in 0..2 {
        let checked = tokio::time::timeout(Duration::from_secs(2), world.check(&world.token(0))).await;
        assert!(checked.unwrap().is_ok());
    }
    world.issuer.arrived(3).await;
    drop(held);
}

#[tokio::test]
async fn without_keys_nobody_is_let_in() {
    let oversized = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000));
    let stolen = jwks(&[0]).to_string();
    for (status, header, body) in [
        (500, "", ""),
        (404, "", stolen.as_str()),
        (302, "Location: /elsewhere\r\n", ""),
        (200, "", "<html>"),
        (200, "", "{}"),
        (200, "", "{\"keys\":7}"),
        (200, "", oversized.as_str()),
    ] {
        let world = World::new(Mode::Jwks).await;
        world.issuer.answers("/elsewhere", &jwks(&[0]));
        world.issuer.replies(JWKS, status, header, body);
        let rejection = world.check(&world.token(0)).await.unwrap_err();
        assert_eq!((rejection.status(), rejection.retry_after()), (503, Some(5)), "{status} {header}");
        // It is left alone for a moment, and then asked again.
        assert_eq!(world.check(&world.token(0)).await, Err(UNAVAILABLE));
        assert_eq!(world.issuer.asked(), 1);
        world.issuer.answers(JWKS, &jwks(&[0]));
        world.advance(5);
        assert!(world.check(&world.token(0)).await.is_ok());
    }
}

#[tokio::test]
async fn an_issuer_that_nobody_hears_is_unavailable() {
    let world =
        World::with(Mode::Jwks, |config| config.jwks_uri = Some("http://127.0.0.1:1/jwks.json".to_owned())).await;
    assert_eq!(world.check(&world.token(0)).await, Err(UNAVAILABLE));
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_left_out() {
    let world = World::new(Mode::Jwks).await;
    let usable = json!(key(0).0.public().to_jwk());
    let mut encrypts = json!(key(1).0.public().to_jwk());
    encrypts["use"] = json!("enc");
    let elliptic =
        json!({ "kty": "EC", "kid": "key-2", "use": "sig", "alg": "ES256", "crv": "P-256", "x": "x", "y": "y" });
    world.issuer.answers(JWKS, &json!({ "keys": [elliptic, encrypts, usable] }));
    assert!(world.check(&world.token(0)).await.is_ok());
    assert_eq!(world.check(&world.token(1)).await, Err(TokenError::Key.into()));
    world.issuer.answers(JWKS, &json!({ "keys": [] }));
    world.advance(300);
    assert_eq!(world.check(&world.token(0)).await, Err(TokenError::Key.into()));
}
