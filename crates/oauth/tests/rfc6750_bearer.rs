//! RFC 6750 section 2.1: a token at the API it was issued for. Checks `jw.aud`, `jw.form` and `jw.sub`.

use paylent_oauth::{
    BearerError,
    crypto::secret::{self, SecretKind},
};

use crate::common::{API, Environment, HERE, ISSUER, OTHER_API, SCOPES, opaque};

#[tokio::test]
async fn a_live_token_says_who_may_do_what() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let token = environment.issued_to(&client).await;
        let live = environment.engine.bearer(&token, API, HERE).await.unwrap();
        assert_eq!((live.client_id.as_str(), live.audience.as_str()), (client.id(), API));
        assert_eq!(live.user_id, client.machine.user.as_ref().unwrap().id);
        assert_eq!(live.scopes.to_string(), SCOPES);
        assert_eq!(live.expires_at.unwrap().seconds(), live.issued_at.seconds() + 3_600);
    }
}

#[tokio::test]
async fn jw_aud_a_token_is_good_for_its_own_api_only() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let token = environment.issued_to(&environment.client(change)).await;
        let near = ["https://api.example.com.evil", "https://api.example.com/", "https://API.example.com", ""];
        for audience in [OTHER_API, ISSUER].into_iter().chain(near) {
            let refused = environment.engine.bearer(&token, audience, HERE).await;
            assert!(matches!(refused, Err(BearerError::Invalid)), "{audience}");
        }
    }
}

#[tokio::test]
async fn jw_form_anything_that_is_no_access_token_of_ours_is_invalid() {
    let environment = Environment::new();
    let client = environment.client(opaque);
    let token = environment.issued_to(&client).await;
    let long = "a".repeat(1_000_000);
    let mut others = vec![String::new(), "a.b.c".to_owned(), "..".to_owned(), long, client.secret.clone()];
    others.push(token[..token.len() - 1].to_owned());
    others.push(format!("{token}x"));
    others.push(token.to_uppercase());
    for kind in [SecretKind::RefreshToken, SecretKind::AuthorizationCode, SecretKind::Session, SecretKind::AccessToken]
    {
        others.push(secret::generate(kind).unwrap().expose().to_owned());
        others.push(token.replace(SecretKind::AccessToken.prefix(), kind.prefix()).replacen("pay_at_", "pay_xx_", 1));
    }
    for other in others {
        let refused = environment.engine.bearer(&other, API, HERE).await;
        assert!(matches!(refused, Err(BearerError::Invalid)), "{:.80}", other);
    }
    assert!(environment.presented(&token).await.is_some());
}

#[tokio::test]
async fn jw_sub_a_token_dies_with_the_user_it_acts_for() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let mut client = environment.client(change);
        let token = environment.issued_to(&client).await;
        environment.change(&mut client, |machine| machine.user.iter_mut().for_each(|user| user.active = false));
        assert!(environment.presented(&token).await.is_none(), "of a deactivated user");
        environment.change(&mut client, |machine| machine.user = None);
        assert!(environment.presented(&token).await.is_none(), "of a user that is gone");
    }
}

#[tokio::test]
async fn an_opaque_token_dies_at_the_moment_it_expires() {
    let environment = Environment::new();
    let client = environment.client(opaque);
    let token = environment.issued_to(&client).await;
    environment.clock.advance_seconds(3_599);
    assert!(environment.presented(&token).await.is_some());
    environment.clock.advance_seconds(1);
    assert!(environment.presented(&token).await.is_none());
}

#[tokio::test]
async fn a_token_that_never_expires_is_alive_after_a_century() {
    let environment = Environment::new();
    let client = environment.client(opaque);
    let token = environment.stored_token(&client, None).await;
    environment.clock.advance_seconds(100 * 366 * 86_400);
    assert!(environment.presented(&token).await.is_some());
}
