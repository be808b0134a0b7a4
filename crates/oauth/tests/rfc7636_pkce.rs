//! RFC 7636, Proof Key for Code Exchange. Checks `pk.*`.

use paylent_oauth::{
    ErrorCode::{InvalidGrant, InvalidRequest},
    Store,
    crypto::secret::SecretHash,
};

use crate::common::{
    Environment, assert_refused,
    faulty::{Fault, Faulty},
    people::{App, Person, VERIFIER, assert_told, challenge, first_party, public},
};

const NONE: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

#[tokio::test]
async fn pk_public_required_public_clients_must_use_it_and_confidential_ones_that_say_so() {
    let environment = Environment::interactive();
    let person = environment.person();
    let public_first_party = environment.app(|application| {
        public(application);
        first_party(application);
    });
    for app in [environment.public_app(), public_first_party, environment.app(|app| app.require_pkce = true)] {
        assert_told(environment.authorize(&person.browser, &app.request(&NONE)).await, InvalidRequest);
        let only_a_method = app.request(&[("code_challenge", "")]);
        assert_told(environment.authorize(&person.browser, &only_a_method).await, InvalidRequest);
        let code = environment.code(&app, &person, &[]).await;
        assert!(environment.exchange(&app, &code, &[]).await.is_ok());
    }
    let relaxed = environment.app(|_| {});
    let code = environment.code(&relaxed, &person, &NONE).await;
    assert!(environment.exchange(&relaxed, &code, &[("code_verifier", "")]).await.is_ok());
}

#[tokio::test]
async fn pk_plain_only_s256_is_accepted() {
    let (environment, app, person) = scene();
    for method in ["plain", "", "s256", "S512", "S256 "] {
        let request = app.request(&[("code_challenge_method", method)]);
        assert_told(environment.authorize(&person.browser, &request).await, InvalidRequest);
    }
    assert_told(environment.authorize(&person.browser, &app.request(&[("code_challenge", "")])).await, InvalidRequest);
    let metadata = serde_json::to_value(environment.engine.metadata()).unwrap();
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}

#[tokio::test]
async fn pk_shape_a_challenge_is_a_hash_in_base64url() {
    let (environment, app, person) = scene();
    let good = challenge(VERIFIER);
    let plus = good.replace(['-', '_'], "+");
    let non_canonical = format!("{}N", &good[..42]);
    let (shorter, longer, padded) = (&good[..42], format!("{good}A"), format!("{good}="));
    for bad in [shorter, &longer, &padded, &plus, &non_canonical, &good.replace(['-', '_'], "/"), "x"] {
        let step = environment.authorize(&person.browser, &app.request(&[("code_challenge", bad)])).await;
        assert_told(step, InvalidRequest);
    }
}

#[tokio::test]
async fn pk_missing_verifier_and_pk_len_do_not_consume_the_code() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    let (short, long, odd) = ("a".repeat(42), "a".repeat(129), format!("{VERIFIER}+"));
    for verifier in ["", &short, &long, &odd, &format!("{VERIFIER} ")] {
        assert_refused(environment.exchange(&app, &code, &[("code_verifier", verifier)]).await, InvalidGrant);
    }
    assert!(environment.exchange(&app, &code, &[]).await.is_ok());
}

#[tokio::test]
async fn pk_downgrade_a_verifier_without_a_challenge_is_refused() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &NONE).await;
    assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
    assert!(environment.exchange(&app, &code, &[("code_verifier", "")]).await.is_ok());
}

#[tokio::test]
async fn pk_wrong_a_wrong_verifier_gets_nothing_and_harms_nothing() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    let another = "x".repeat(43);
    for wrong in [challenge(VERIFIER), another.clone()] {
        assert_refused(environment.exchange(&app, &code, &[("code_verifier", &wrong)]).await, InvalidGrant);
    }
    let tokens = environment.exchange(&app, &code, &[]).await.unwrap();
    for _ in 0..10 {
        assert_refused(environment.exchange(&app, &code, &[("code_verifier", &another)]).await, InvalidGrant);
    }
    assert!(environment.is_active(&app.registered(), tokens.access_token.expose()).await);
}

#[tokio::test]
async fn pk_attempts_the_fifth_wrong_verifier_kills_the_code() {
    let (environment, app, person) = scene();
    let wrong = "x".repeat(43);
    for (attempts, survives) in [(4, true), (5, false)] {
        let code = environment.code(&app, &person, &[]).await;
        for _ in 0..attempts {
            assert_refused(environment.exchange(&app, &code, &[("code_verifier", &wrong)]).await, InvalidGrant);
        }
        let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
        let result = environment.interactively_behind(&store).exchange(&app, &code, &[]).await;
        assert_eq!(result.is_ok(), survives, "after {attempts}");
        assert_eq!(store.writes() == 1, survives, "nothing is signed or written for a dead code");
    }
}

#[tokio::test]
async fn pk_bound_the_challenge_is_the_one_of_the_authorization_request() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    let own = "y".repeat(43);
    let smuggled = [("code_verifier", own.as_str()), ("code_challenge", &challenge(&own))];
    assert_refused(environment.exchange(&app, &code, &smuggled).await, InvalidGrant);
    let stored = environment.store.code(&SecretHash::of(&code)).await.unwrap().unwrap();
    assert_eq!(stored.code.code_challenge, Some(SecretHash::of(VERIFIER)));
}
