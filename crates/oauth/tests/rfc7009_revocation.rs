//! RFC 7009, revocation. Checks `rv.*`.

use paylent_oauth::{
    ErrorCode::{InvalidClient, InvalidGrant, InvalidRequest, UnauthorizedClient},
    RevocationRequest,
    crypto::secret::{self, SecretKind},
};

use crate::common::{
    Environment, HERE, Registered, assert_refused,
    faulty::{Fault, Faulty},
    form, opaque,
    people::{jwt, public},
};

#[tokio::test]
async fn rv_own_at_a_revoked_token_is_dead_and_others_live() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let (token, sibling) = (environment.issued_to(&client).await, environment.issued_to(&client).await);
        environment.revoke(&client, &token).await.unwrap();
        assert!(!environment.is_active(&client, &token).await);
        assert!(environment.presented(&token).await.is_none());
        assert!(environment.is_active(&client, &sibling).await);
    }
}

#[tokio::test]
async fn rv_unknown_what_is_no_live_token_needs_no_revoking() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let bystander = environment.issued_to(&client).await;
        let (revoked, expired) = (environment.issued_to(&client).await, environment.issued_to(&client).await);
        environment.revoke(&client, &revoked).await.unwrap();
        environment.revoke(&client, &revoked).await.unwrap();
        let unknown = secret::generate(SecretKind::AccessToken).unwrap();
        let refresh = secret::generate(SecretKind::RefreshToken).unwrap();
        let long = "x".repeat(1_000_000);
        for token in [unknown.expose(), refresh.expose(), "garbage", "a.b.c", &long] {
            environment.revoke(&client, token).await.unwrap();
        }
        assert!(environment.is_active(&client, &bystander).await);
        environment.clock.advance_seconds(3_660);
        environment.revoke(&client, &expired).await.unwrap();
    }
}

#[tokio::test]
async fn rv_foreign_another_clients_token_is_refused_and_stays_alive() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let owner = environment.client(change);
        let token = environment.issued_to(&owner).await;
        for stranger in [environment.client(|_| {}), environment.public_client()] {
            assert_refused(environment.revoke(&stranger, &token).await, UnauthorizedClient);
        }
        assert!(environment.is_active(&owner, &token).await);
    }
}

#[tokio::test]
async fn rv_public_a_public_client_revokes_its_token_with_its_client_id_alone() {
    let environment = Environment::new();
    let client = environment.public_client();
    let token = environment.stored_token(&client, None).await;
    assert!(environment.presented(&token).await.is_some());
    environment.revoke(&client, &token).await.unwrap();
    assert!(environment.presented(&token).await.is_none());
}

#[tokio::test]
async fn rv_unauth_a_confidential_client_must_authenticate() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    assert_refused(RevocationRequest::parse(&[], form(&[("token", &token)])), InvalidClient);
    let unproven = form(&[("token", &token), ("client_id", client.id())]);
    let refused = environment.engine.revoke(RevocationRequest::parse(&[], unproven).unwrap()).await;
    assert_refused(refused, InvalidClient);
    let wrong = Registered { machine: client.machine.clone(), secret: "wrong".to_owned() };
    assert_refused(environment.revoke(&wrong, &token).await, InvalidClient);
    assert!(environment.is_active(&client, &token).await);
}

#[tokio::test]
async fn a_request_without_a_token_is_refused() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    assert_refused(RevocationRequest::parse(&[], client.form(&[])), InvalidRequest);
    assert_refused(RevocationRequest::parse(&[], client.form(&[("token", "")])), InvalidRequest);
}

#[tokio::test]
async fn a_wrong_or_unknown_token_type_hint_does_not_matter() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        for hint in ["access_token", "refresh_token", "unknown"] {
            let token = environment.issued_to(&client).await;
            let body = client.form(&[("token", &token), ("token_type_hint", hint)]);
            environment.engine.revoke(RevocationRequest::parse(&[], body).unwrap()).await.unwrap();
            assert!(!environment.is_active(&client, &token).await, "{hint}");
        }
    }
}

#[tokio::test]
async fn a_token_revoked_while_its_user_is_locked_out_stays_dead_when_the_user_returns() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let mut client = environment.client(change);
        let token = environment.issued_to(&client).await;
        environment.change(&mut client, |machine| machine.user.iter_mut().for_each(|user| user.active = false));
        environment.revoke(&client, &token).await.unwrap();
        environment.change(&mut client, |machine| machine.user.iter_mut().for_each(|user| user.active = true));
        assert!(!environment.is_active(&client, &token).await);
        assert!(environment.presented(&token).await.is_none());
    }
}

#[tokio::test]
async fn a_denied_token_is_remembered_until_it_is_dead_on_every_node() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
    environment.behind(&store).revoke(&client, &token).await.unwrap();
    let until = store.denied_until().unwrap();
    let now = paylent_domain::Clock::now(&*environment.clock);
    assert_eq!(until.seconds() - now.seconds(), 3_600 + 60, "the clock of another node may be a minute behind");
}

#[tokio::test]
async fn rv_own_rt_a_revoked_refresh_token_takes_its_family_along() {
    for format in [|_: &mut _| {}, jwt, public] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let bystander = environment.tokens(&app, &person, &[]).await;
        let first = environment.tokens(&app, &person, &[]).await;
        let old = first.refresh_token.unwrap();
        let second = environment.refresh(&app, old.expose(), &[]).await.unwrap();
        let current = second.refresh_token.unwrap();
        environment.revoke(&app.registered(), current.expose()).await.unwrap();
        for access in [&first.access_token, &second.access_token] {
            assert!(environment.engine.userinfo(access.expose(), HERE).await.is_err());
        }
        for refresh in [&current, &old] {
            assert_refused(environment.refresh(&app, refresh.expose(), &[]).await, InvalidGrant);
            environment.revoke(&app.registered(), refresh.expose()).await.unwrap();
        }
        assert!(environment.engine.userinfo(bystander.access_token.expose(), HERE).await.is_ok());
        assert!(environment.refresh(&app, bystander.refresh_token.unwrap().expose(), &[]).await.is_ok());
    }
}

#[tokio::test]
async fn rv_own_at_revoking_a_persons_access_token_leaves_the_refresh_token() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let tokens = environment.tokens(&app, &person, &[]).await;
        environment.revoke(&app.registered(), tokens.access_token.expose()).await.unwrap();
        assert!(environment.engine.userinfo(tokens.access_token.expose(), HERE).await.is_err());
        assert!(environment.refresh(&app, tokens.refresh_token.unwrap().expose(), &[]).await.is_ok());
    }
}

#[tokio::test]
async fn rv_foreign_another_clients_refresh_token_is_refused_and_stays_alive() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let tokens = environment.tokens(&app, &person, &[]).await;
    let refresh = tokens.refresh_token.unwrap();
    for stranger in [environment.app(|_| {}), environment.public_app()] {
        assert_refused(environment.revoke(&stranger.registered(), refresh.expose()).await, UnauthorizedClient);
    }
    let wrong = Registered { machine: app.registered().machine, secret: "wrong".to_owned() };
    assert_refused(environment.revoke(&wrong, refresh.expose()).await, InvalidClient);
    assert!(environment.refresh(&app, refresh.expose(), &[]).await.is_ok());
}
