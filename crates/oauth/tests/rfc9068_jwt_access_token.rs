//! RFC 9068, signed access tokens. Checks `jw.*` and `ky.*` as far as the engine decides them; the form of a token is
//! tested where it is parsed, in `paylent-crypto`.

use josekit::{
    jwk::JwkSet,
    jws::RS256,
    jwt::{self, JwtPayload},
};
use paylent_domain::{Clock, Timestamp};
use paylent_oauth::{Config, ErrorCode, GeneratedKey, MemoryStore};
use serde_json::{Value, json};

use crate::common::{
    API, Environment, ISSUER, Registered, SCOPES, assert_refused,
    keys::{self, forge},
    opaque,
};

/// Verifies a token with the published keys, by another implementation.
async fn verified_elsewhere(environment: &Environment, token: &str) -> (Value, JwtPayload) {
    let published = serde_json::to_vec(&environment.engine.jwks().await.unwrap()).unwrap();
    let published = JwkSet::from_bytes(published).unwrap();
    let header = jwt::decode_header(token).unwrap();
    let kid = header.claim("kid").and_then(Value::as_str).unwrap();
    let [jwk] = published.get(kid)[..] else { panic!("the key {kid} is not published once") };
    let (payload, header) = jwt::decode_with_verifier(token, &RS256.verifier_from_jwk(jwk).unwrap()).unwrap();
    (json!(header.claims_set()), payload)
}

/// The claims of a good token of this client.
fn claims(environment: &Environment, client: &Registered) -> Value {
    let now = environment.clock.now().seconds();
    json!({
        "iss": ISSUER, "sub": client.machine.user.as_ref().unwrap().id, "aud": API, "exp": now + 3_600, "iat": now,
        "jti": "a", "client_id": client.id(), "scope": SCOPES, "roles": [], "permissions": [], "cgen": 0, "ugen": 0,
    })
}

/// The claims with one of them changed, or left out.
fn with(mut claims: Value, name: &str, value: Option<Value>) -> Value {
    let members = claims.as_object_mut().unwrap();
    members.remove(name);
    members.extend(value.map(|value| (name.to_owned(), value)));
    claims
}

#[tokio::test]
async fn a_token_says_what_the_rfc_asks_and_another_implementation_can_read_it() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let (header, payload) = verified_elsewhere(&environment, &token).await;
    assert_eq!(header, json!({ "alg": "RS256", "typ": "at+jwt", "kid": keys::ours().kid }));
    let jti = payload.claim("jti").and_then(Value::as_str).unwrap();
    assert!(jti.len() >= 22, "at least 128 random bits: {jti}");
    let now = environment.clock.now().seconds();
    let expected = json!({
        "iss": ISSUER, "sub": client.machine.user.as_ref().unwrap().id, "aud": API, "exp": now + 3_600, "iat": now,
        "jti": jti, "client_id": client.id(), "scope": SCOPES, "roles": ["clerk"],
        "permissions": ["documents:read", "documents:update"], "cgen": 0, "ugen": 0,
    });
    assert_eq!(json!(payload.claims_set()), expected);
}

#[tokio::test]
async fn a_token_without_scopes_has_no_scope_claim() {
    let environment = Environment::new();
    let client = environment.client(|machine| machine.grants.clear());
    let token = environment.issued_to(&client).await;
    let (_, payload) = verified_elsewhere(&environment, &token).await;
    assert_eq!(payload.claim("scope"), None, "an empty text is no scope (RFC 6749 section 3.3)");
    assert!(environment.is_active(&client, &token).await);
}

#[tokio::test]
async fn a_token_for_more_scopes_than_a_request_may_name_is_good() {
    let environment = Environment::new();
    let scopes: paylent_domain::scope::Scopes = (0..150).map(|n| format!("scope:{n}")).collect();
    let client = environment.client(|machine| machine.grants[0].scopes = scopes.clone());
    let live = environment.presented(&environment.issued_to(&client).await).await.unwrap();
    assert_eq!(live.scopes, scopes);
}

#[tokio::test]
async fn the_subject_is_the_user_and_never_the_client() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let live = environment.presented(&environment.issued_to(&client).await).await.unwrap();
    assert_ne!(live.user_id.to_string(), live.client_id);
}

#[tokio::test]
async fn a_token_of_ours_is_good_and_each_change_of_a_claim_makes_it_worthless() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let (key, good) = (keys::ours(), claims(&environment, &client));
    let now = environment.clock.now().seconds();
    assert!(environment.is_active(&client, &forge(&key, &key.kid, "at+jwt", &good)).await);
    let other_user = "018f0000-0000-7000-8000-000000000000";
    let changes: &[(&str, &[Option<Value>])] = &[
        ("iss", &[None, Some(json!("https://ID.example.com")), Some(json!("https://id.example.com/"))]),
        ("iss", &[Some(json!("http://id.example.com")), Some(json!([ISSUER]))]),
        ("aud", &[None, Some(json!([])), Some(json!([API, "https://other.example.com"])), Some(json!(""))]),
        ("exp", &[None, Some(json!("9999999999")), Some(json!(1.5e10)), Some(json!(-1)), Some(json!(now - 60))]),
        ("iat", &[None, Some(json!(now + 61)), Some(json!("0"))]),
        ("nbf", &[Some(json!(now + 61))]),
        ("sub", &[None, Some(json!("")), Some(json!("not an id")), Some(json!(other_user)), Some(json!(client.id()))]),
        ("jti", &[None, Some(json!("")), Some(json!(1))]),
        ("client_id", &[None, Some(json!("unknown")), Some(json!(1))]),
        ("scope", &[Some(json!(["documents:read"]))]),
        ("cgen", &[None, Some(json!(1)), Some(json!(-1)), Some(json!("0"))]),
        ("ugen", &[None, Some(json!(1)), Some(json!(-1)), Some(json!("0"))]),
    ];
    for (name, values) in changes {
        for value in *values {
            let token = forge(&key, &key.kid, "at+jwt", &with(good.clone(), name, value.clone()));
            assert!(environment.presented(&token).await.is_none(), "jw_{name}: {value:?}");
            assert!(!environment.is_active(&client, &token).await, "jw_{name}: {value:?}");
        }
    }
}

#[tokio::test]
async fn jw_typ_only_an_access_token_is_one() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let (key, good) = (keys::ours(), claims(&environment, &client));
    for typ in ["JWT", "logout+jwt", "", "at", "at+jwt "] {
        let token = forge(&key, &key.kid, typ, &good);
        assert!(environment.presented(&token).await.is_none(), "{typ:?}");
    }
}

#[tokio::test]
async fn jw_sig_a_token_signed_by_another_key_under_our_kid_is_worthless() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let good = claims(&environment, &client);
    let token = forge(&keys::another(), &keys::ours().kid, "at+jwt", &good);
    assert!(environment.presented(&token).await.is_none());
    for kid in ["unknown", "_-etc-passwd", "x".repeat(64).as_str()] {
        let token = forge(&keys::ours(), kid, "at+jwt", &good);
        assert!(environment.presented(&token).await.is_none(), "{kid}");
    }
}

#[tokio::test]
async fn jw_sig_every_altered_part_makes_it_worthless() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let other = environment.issued_to(&client).await;
    let parts: Vec<&str> = token.split('.').collect();
    let others: Vec<&str> = other.split('.').collect();
    let altered = [
        format!("{}.{}.{}", parts[0], others[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}."),
        format!("{token}="),
        format!("{token}A"),
        format!(" {token}"),
    ];
    for altered in altered {
        assert!(environment.presented(&altered).await.is_none(), "{altered}");
    }
}

#[tokio::test]
async fn jw_iss_a_token_of_another_issuer_on_the_same_keys_is_worthless() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let neighbour = environment.with_config(Config::single("https://neighbour.example.com"));
    let token = neighbour.issued_to(&client).await;
    assert!(neighbour.presented(&token).await.is_some());
    assert!(environment.presented(&token).await.is_none());
}

#[tokio::test]
async fn jw_kid_a_token_of_another_realms_key_is_worthless() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let store = MemoryStore::default();
    store.add_key(keys::neighbours());
    store.put_machine(client.machine.clone());
    let neighbour = Environment::over(store, Config { realm: keys::OTHER_REALM, ..Config::single(ISSUER) });
    let token = neighbour.issued_to(&client).await;
    assert!(neighbour.presented(&token).await.is_some());
    assert!(environment.presented(&token).await.is_none());
}

#[tokio::test]
async fn ky_at_rest_a_key_copied_to_another_realm_or_name_signs_nothing() {
    let renamed = GeneratedKey { kid: "renamed".to_owned(), ..keys::ours() };
    let mut damaged = keys::ours();
    damaged.sealed[40] ^= 1;
    for key in [keys::neighbours(), renamed, damaged] {
        let store = MemoryStore::default();
        store.add_key(key);
        let environment = Environment::over(store, Config::single(ISSUER));
        let client = environment.client(|_| {});
        assert_refused(environment.token(&client, &[]).await, ErrorCode::ServerError);
    }
}

#[tokio::test]
async fn jw_exp_a_token_is_dead_when_it_expired() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    environment.clock.advance_seconds(3_599);
    assert!(environment.presented(&token).await.is_some());
    environment.clock.advance_seconds(1);
    assert!(environment.presented(&token).await.is_none());
}

#[tokio::test]
async fn jw_skew_a_token_of_a_node_whose_clock_is_ahead_is_accepted() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    environment.clock.advance_seconds(2);
    let token = environment.issued_to(&client).await;
    environment.clock.advance_seconds(-2);
    assert!(environment.presented(&token).await.is_some());
}

#[tokio::test]
async fn jw_rotate_an_older_keys_token_is_good_until_the_key_is_deactivated() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let old = environment.issued_to(&client).await;
    environment.store.add_key(keys::another());
    let new = environment.issued_to(&client).await;
    assert_eq!(verified_elsewhere(&environment, &new).await.0["kid"], keys::another().kid, "the new key signs");
    assert!(environment.presented(&old).await.is_some());
    environment.store.deactivate_key(&keys::ours().kid);
    assert!(environment.presented(&old).await.is_none(), "ky_deactivate: at once, though the key is in memory");
    assert!(environment.presented(&new).await.is_some());
}

#[tokio::test]
async fn a_raised_generation_kills_what_was_issued_before_and_nothing_after() {
    let environment = Environment::new();
    let mut client = environment.client(|_| {});
    let raises: [fn(&mut paylent_oauth::store::Machine); 2] = [
        |machine| machine.client.generation += 1,
        |machine| machine.user.iter_mut().for_each(|user| user.generation += 1),
    ];
    for raise in raises {
        let before = environment.issued_to(&client).await;
        environment.change(&mut client, raise);
        assert!(environment.presented(&before).await.is_none());
        let after = environment.issued_to(&client).await;
        assert!(environment.presented(&after).await.is_some(), "in the same second");
    }
}

#[tokio::test]
async fn a_cut_off_kills_what_was_issued_before_it_and_in_doubt_what_was_issued_in_its_second() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let now = environment.clock.now();
    environment.store.set_not_before(Timestamp::from_seconds(now.seconds()));
    assert!(environment.presented(&token).await.is_some(), "issued after the cut-off");
    environment.store.set_not_before(Timestamp::from_micros(now.micros() + 1));
    assert!(environment.presented(&token).await.is_none(), "issued a microsecond before the cut-off");
    // A signed token knows only the second it was issued in; what cannot be told apart is dead.
    environment.store.set_not_before(Timestamp::from_micros(now.micros() - 1));
    assert!(environment.presented(&token).await.is_none(), "issued in the second of the cut-off");
}

#[tokio::test]
async fn ky_no_key_without_a_key_nothing_is_signed_and_opaque_tokens_still_work() {
    let without_keys = Environment::over(MemoryStore::default(), Config::single(ISSUER));
    let deactivated = Environment::new();
    deactivated.store.deactivate_key(&keys::ours().kid);
    for environment in [without_keys, deactivated] {
        let client = environment.client(|_| {});
        assert_refused(environment.token(&client, &[]).await, ErrorCode::TemporarilyUnavailable);
        let client = environment.client(opaque);
        let token = environment.issued_to(&client).await;
        assert!(environment.presented(&token).await.is_some());
    }
}
