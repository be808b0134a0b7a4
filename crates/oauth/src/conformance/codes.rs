//! `save_code`, `consent`, `code` and `wrong_verifier`.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{Id, Timestamp, user::User};

use super::{
    StoreUnderTest,
    at_once::{MANY, at_once},
    fixtures::{NOW, answer, random, scopes, unique},
    scene::{Scene, in_order},
};
use crate::store::{AuthorizationCode, Consenting};

/// What was saved is what is read, with all that the tokens depend on.
pub async fn a_code_comes_back_with_every_field<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let bare = AuthorizationCode {
        redirect_uri_sent: false,
        scopes: scopes(&[]),
        nonce: None,
        code_challenge: None,
        amr: Vec::new(),
        id_token_claims: Vec::new(),
        ..scene.code()
    };
    let rule = "a code comes back with every field, unconsumed, and with its parties";
    for code in [scene.code(), bare] {
        assert!(answer(store.save_code(code.clone(), None).await, rule), "{rule}");
        let Some(read) = answer(store.code(&code.hash).await, rule) else { panic!("{rule}") };
        assert_eq!((read.code, read.family_id, read.wrong_verifiers), (code, None, 0), "{rule}");
        assert_eq!(in_order(read.parties), scene.parties(), "{rule}");
    }
}

/// A code for the issuer names no resource server.
pub async fn a_code_may_be_for_no_resource_server<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let code = AuthorizationCode { audience: "https://id.example.com".to_owned(), ..scene.code() };
    let rule = "an audience that is no resource server's has none";
    assert!(answer(store.save_code(code.clone(), None).await, rule), "{rule}");
    let read = answer(store.code(&code.hash).await, rule);
    assert_eq!(read.map(|read| read.parties.resource), Some(None), "{rule}");
}

/// A hash that no code has is `None`.
pub async fn an_unknown_code_is_none<S: StoreUnderTest>(store: &S) {
    Scene::set(store).await.saved_code(store).await;
    for hash in [random(), [0; 32], [0xff; 32]] {
        let read = answer(store.code(&SecretHash::from_bytes(hash)).await, "an unknown code is None");
        assert_eq!(read, None, "an unknown code is None");
        let hash = SecretHash::from_bytes(hash);
        answer(store.wrong_verifier(&hash).await, "nothing happens for an unknown code");
    }
}

/// Of many answers to one request exactly one becomes a code; a consent that was not saved with it is not kept.
pub async fn a_request_is_answered_with_one_code<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let rule = "of many calls with one request_id exactly one is answered true";
    let request_id = unique();
    let codes: Vec<AuthorizationCode> =
        (0..MANY).map(|_| AuthorizationCode { request_id: request_id.clone(), ..scene.code() }).collect();
    let saved = at_once(MANY, |number| store.save_code(codes[number].clone(), None)).await;
    assert_eq!(saved.into_iter().filter(|saved| matches!(saved, Ok(true))).count(), 1, "{rule}");
    let mut kept = 0;
    for code in &codes {
        kept += usize::from(answer(store.code(&code.hash).await, rule).is_some());
    }
    assert_eq!(kept, 1, "{rule}");
    let late = AuthorizationCode { request_id, ..scene.code() };
    assert!(!answer(store.save_code(late.clone(), Some(scopes(&["openid"]))).await, rule), "{rule}");
    assert_eq!(answer(store.code(&late.hash).await, rule), None, "what was not saved is not there");
    let consent = answer(store.consent(consenting(late.user_id, &late.client_id, &late.audience)).await, rule);
    assert_eq!(consent, None, "what was not saved is not consented to");
}

/// Consent to a client that nobody owns: the organization does not matter.
fn consenting<'a>(user_id: Id<User>, client_id: &'a str, audience: &'a str) -> Consenting<'a> {
    Consenting { user_id, client_id, audience, organization_id: None, for_organization: false }
}

/// A consent is kept with its code, replaces the one before, and is one person's for one client at one audience.
pub async fn a_consent_is_what_was_saved_last<S: StoreUnderTest>(store: &S) {
    let (scene, other) = (Scene::set(store).await, Scene::set(store).await);
    let rule = "a consent is what was saved last, for one user, client and audience";
    let (user, client, audience) = (scene.subject.id, &scene.application.client.client_id, scene.audience());
    assert_eq!(answer(store.consent(consenting(user, client, &audience)).await, rule), None, "nobody consented yet");
    let asked = scopes(&["openid", "it's:{a,b}[%_]", "documents:read"]);
    for granted in [&["openid", "it's:{a,b}[%_]"][..], &["documents:read"], &[]] {
        let granted = scopes(granted);
        let code = AuthorizationCode { scopes: granted.clone(), ..scene.code() };
        assert!(answer(store.save_code(code, Some(asked.clone())).await, rule), "{rule}");
        assert_eq!(answer(store.consent(consenting(user, client, &audience)).await, rule), Some(granted), "{rule}");
    }
    assert!(answer(store.save_code(scene.code(), None).await, rule), "{rule}");
    let unchanged = answer(store.consent(consenting(user, client, &audience)).await, rule);
    assert_eq!(unchanged, Some(scopes(&[])), "a code without a consent leaves it");
    let (other_user, other_client) = (other.subject.id, &other.application.client.client_id);
    for (user, client, audience) in
        [(other_user, client, &audience), (user, other_client, &audience), (user, client, &other.audience())]
    {
        assert_eq!(answer(store.consent(consenting(user, client, audience)).await, rule), None, "{rule}");
    }
}

/// Withdrawing takes back the consent at every audience and forgets the codes, of one user and client only.
pub async fn a_withdrawn_consent_is_gone_with_its_codes<S: StoreUnderTest>(store: &S) {
    let (scene, other) = (Scene::set(store).await, Scene::set(store).await);
    let rule = "a withdrawn consent is gone with its codes";
    for scene in [&scene, &other] {
        answer(store.save_code(scene.code(), Some(scopes(&["openid"]))).await, rule);
    }
    let (code, kept) = (scene.saved_code(store).await, other.saved_code(store).await);
    let (user, client) = (scene.subject.id, &scene.application.client.client_id);
    store.withdraw_consent(user, client).await;
    assert_eq!(answer(store.consent(consenting(user, client, &scene.audience())).await, rule), None, "{rule}");
    assert_eq!(answer(store.code(&code.hash).await, rule), None, "{rule}");
    assert!(answer(store.code(&kept.hash).await, rule).is_some(), "another one's stays");
    let (user, client) = (other.subject.id, &other.application.client.client_id);
    assert!(
        answer(store.consent(consenting(user, client, &other.audience())).await, rule).is_some(),
        "another one's stays"
    );
}

/// No count is lost among others, and each code has its own.
pub async fn wrong_verifiers_are_counted<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let (code, other) = (scene.saved_code(store).await, scene.saved_code(store).await);
    let rule = "every wrong verifier is counted";
    for counted in at_once(MANY, |_| store.wrong_verifier(&code.hash)).await {
        answer(counted, rule);
    }
    let count = async |code: &AuthorizationCode| answer(store.code(&code.hash).await, rule).map(|r| r.wrong_verifiers);
    assert_eq!(count(&code).await, u32::try_from(MANY).ok(), "{rule}");
    assert_eq!(count(&other).await, Some(0), "{rule}");
}

/// The parties are those of now.
pub async fn the_parties_are_as_they_are_now<S: StoreUnderTest>(store: &S) {
    let mut scene = Scene::set(store).await;
    let code = scene.saved_code(store).await;
    let rule = "client, user and resource server are as they are now, the code as it was";
    scene.application.client.active = false;
    scene.application.client.generation = 8;
    scene.application.resource.iter_mut().for_each(|server| server.token_ttl = 60);
    scene.subject = crate::store::Subject {
        active: false,
        generation: 9,
        roles: Vec::new(),
        permissions: Vec::new(),
        ..scene.subject
    };
    scene.profile.given_name = None;
    store.put_application(scene.application.clone()).await;
    store.put_person(scene.subject.clone(), scene.profile.clone()).await;
    let Some(read) = answer(store.code(&code.hash).await, rule) else { panic!("{rule}") };
    assert_eq!(in_order(read.parties), scene.parties(), "{rule}");
    assert_eq!(read.code, code, "{rule}");
}

/// Key and cut-off come with the code, and with the refresh token.
pub async fn the_primary_key_and_the_cut_off_come_along<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let (code, issued) = (scene.saved_code(store).await, scene.exchanged(store).await);
    let rule = "the primary key and the cut-off come along";
    let key = super::fixtures::key();
    let kid = key.kid.clone();
    store.add_key(key).await;
    let moment = Timestamp::from_micros(NOW.micros() - 3);
    store.set_not_before(moment).await;
    let of_code = answer(store.code(&code.hash).await, rule).map(|read| read.parties);
    let of_token = answer(store.refresh_token(&issued.refresh.hash).await, rule).map(|read| read.parties);
    for parties in [of_code, of_token] {
        let seen = parties.map(|parties| (parties.primary_kid, parties.not_before));
        assert_eq!(seen, Some((Some(kid.clone()), moment)), "{rule}");
    }
}

/// A session that is unknown was ended, as far as anybody can tell.
pub async fn a_code_shows_when_its_session_ends<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let code = scene.saved_code(store).await;
    let rule = "a code shows when its session ends";
    let ends = async || answer(store.code(&code.hash).await, rule).map(|read| read.parties.session_expires_at);
    assert_eq!(ends().await, Some(Some(scene.session_expires_at)), "{rule}");
    answer(store.end_session(Id::new(NOW, random()), NOW).await, rule);
    assert_eq!(ends().await, Some(Some(scene.session_expires_at)), "another session is another one");
    answer(store.end_session(scene.session_id, NOW).await, rule);
    assert_eq!(ends().await, Some(None), "an ended session has no end to come");
}
