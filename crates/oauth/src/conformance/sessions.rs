//! `end_session` and `use_assertion`.

use paylent_domain::Id;

use super::{
    StoreUnderTest,
    at_once::{MANY, at_once},
    fixtures::{NOW, answer, random, scopes, unique},
    scene::{Issued, Scene},
};
use crate::store::{BackchannelLogout, EndedSession, Exchanged};

/// Of many calls one ends the session; an unknown one is `None`.
pub async fn a_session_is_ended_once<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let rule = "of many calls exactly one ends the session";
    let ended = at_once(MANY, |_| store.end_session(scene.session_id, NOW)).await;
    let ended: Vec<_> = ended.into_iter().filter_map(|ended| answer(ended, rule)).collect();
    assert_eq!(ended.len(), 1, "{rule}");
    let expected = EndedSession { session_id: scene.session_id, user_id: scene.subject.id, logouts: Vec::new() };
    assert_eq!(ended[0], expected, "{rule}");
    let unknown = answer(store.end_session(Id::new(NOW, random()), NOW).await, rule);
    assert_eq!(unknown, None, "an unknown session is None");
}

/// Families die with their session unless they have `offline_access`, and those of another session never.
pub async fn families_end_with_their_session<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let rule = "families end with their session unless they have offline_access";
    let other = Scene { application: scene.application.clone(), ..Scene::set(store).await };
    let online = scene.exchanged(store).await;
    let offline = scene.exchanged_with(store, |code| code.scopes = scopes(&["offline_access", "openid"])).await;
    let elsewhere = other.exchanged(store).await;
    answer(store.end_session(scene.session_id, NOW).await, rule);
    for (issued, revoked) in [(&online, true), (&offline, false), (&elsewhere, false)] {
        assert_eq!(is_revoked(store, issued, rule).await, Some(revoked), "{rule}");
    }
}

/// The listening, active clients with a family of the session that was not revoked are named, each once.
pub async fn the_listening_clients_of_a_session_are_named<S: StoreUnderTest>(store: &S) {
    let (mut one, two, three) = (Scene::set(store).await, Scene::set(store).await, Scene::set(store).await);
    let rule = "the listening clients of a session are named, each once";
    let mut silent = Scene::set(store).await;
    silent.application.backchannel_logout_uri = None;
    let mut inactive = Scene::set(store).await;
    inactive.application.client.active = false;
    for scene in [&silent, &inactive] {
        store.put_application(scene.application.clone()).await;
    }
    let within = |scene: &Scene| Scene {
        application: scene.application.clone(),
        subject: three.subject.clone(),
        profile: three.profile.clone(),
        session_id: three.session_id,
        session_expires_at: three.session_expires_at,
    };
    for scene in [&one, &one, &silent, &inactive] {
        within(scene).exchanged(store).await;
    }
    let revoked = within(&two).exchanged(store).await;
    answer(store.revoke_family(revoked.family.id, NOW).await, rule);
    two.exchanged(store).await;
    one.application.backchannel_logout_uri = Some("https://app.example.com/new?a=b".to_owned());
    store.put_application(one.application.clone()).await;
    let ended = answer(store.end_session(three.session_id, NOW).await, rule);
    let expected = BackchannelLogout {
        client_id: one.application.client.client_id.clone(),
        uri: "https://app.example.com/new?a=b".to_owned(),
    };
    let Some(ended) = ended else { panic!("{rule}") };
    assert_eq!((ended.user_id, ended.logouts), (three.subject.id, vec![expected]), "{rule}");
}

/// An exchange at the same time is either seen by the end of the session or comes to nothing.
pub async fn no_family_escapes_the_end_of_its_session<S: StoreUnderTest>(store: &S) {
    let rule = "no family escapes the end of its session";
    for _ in 0..4 {
        let scene = Scene::set(store).await;
        let code = scene.saved_code(store).await;
        let exchange = scene.exchange(&code);
        let exchanged = at_once(2, async |number: usize| match number {
            0 => Some(answer(store.exchange(exchange.clone()).await, rule)),
            _ => {
                answer(store.end_session(scene.session_id, NOW).await, rule);
                None
            }
        });
        let done = exchanged.await.into_iter().flatten().any(|exchanged| exchanged == Exchanged::Done);
        let Some(refresh) = exchange.refresh else { panic!("{rule}") };
        let family_revoked = answer(store.refresh_token(&refresh.hash).await, rule).map(|read| read.family_revoked);
        assert_eq!(family_revoked, done.then_some(true), "{rule}");
    }
}

async fn is_revoked<S: StoreUnderTest>(store: &S, issued: &Issued, rule: &str) -> Option<bool> {
    answer(store.refresh_token(&issued.refresh.hash).await, rule).map(|read| read.family_revoked)
}

/// Of many uses of one assertion one is the first; `jti`s are each client's own and compared byte for byte.
pub async fn an_assertion_is_used_once<S: StoreUnderTest>(store: &S) {
    let (scene, other) = (Scene::set(store).await, Scene::set(store).await);
    let client_id = &scene.application.client.client_id;
    let rule = "of many uses of one assertion exactly one is the first";
    let (jti, until) = (format!("{} '\"\u{1F642} %_{}", unique(), "x".repeat(180)), NOW.plus_seconds(600));
    let used = at_once(MANY, |_| store.use_assertion(client_id, &jti, until)).await;
    assert_eq!(used.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1, "{rule}");
    assert!(!answer(store.use_assertion(client_id, &jti, until.plus_seconds(1)).await, rule), "{rule}");
    for another in [jti.to_uppercase(), jti.to_lowercase(), format!("{jti} "), unique()] {
        assert!(answer(store.use_assertion(client_id, &another, until).await, rule), "another jti is another one");
    }
    let of_other = answer(store.use_assertion(&other.application.client.client_id, &jti, until).await, rule);
    assert!(of_other, "another client's jti is another one");
}
