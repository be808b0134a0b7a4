//! `exchange`, `refresh_token`, `rotate` and `revoke_family`: a code becomes a family, which lives by rotation.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{Id, Timestamp};

use super::{
    StoreUnderTest,
    at_once::{MANY, at_once},
    fixtures::{NOW, answer, random, unique},
    scene::{Issued, Scene, in_order, rotation},
};
use crate::store::{Exchange, Exchanged, Family, JwtReference, MAX_WRONG_VERIFIERS, Rotated};

/// An exchange saves the family and both tokens, and consumes the code.
pub async fn an_exchange_saves_everything<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let issued = scene.exchanged(store).await;
    let rule = "an exchange consumes the code and saves family, refresh token and access token";
    let code = answer(store.code(&issued.code.hash).await, rule);
    assert_eq!(code.map(|read| (read.code, read.family_id)), Some((issued.code, Some(issued.family.id))), "{rule}");
    let Some(read) = answer(store.refresh_token(&issued.refresh.hash).await, rule) else { panic!("{rule}") };
    assert_eq!((read.token, read.family), (issued.refresh, issued.family), "{rule}");
    assert_eq!((read.consumed, read.family_revoked), (None, false), "{rule}");
    assert_eq!(in_order(read.parties), scene.parties(), "{rule}");
    let access = answer(store.access_token(&issued.access.hash).await, rule);
    let seen = access.map(|(token, standing)| (token, standing.family_revoked));
    assert_eq!(seen, Some((issued.access, false)), "{rule}");
}

/// A client may get a signed access token, which is not stored, and no refresh token.
pub async fn an_exchange_may_save_a_family_alone<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let code = scene.saved_code(store).await;
    let exchange = Exchange { refresh: None, access: None, ..scene.exchange(&code) };
    let rule = "a family without stored tokens is one too";
    assert_eq!(answer(store.exchange(exchange.clone()).await, rule), Exchanged::Done, "{rule}");
    assert_eq!(is_revoked(store, &scene, exchange.family.id).await, Some(false), "{rule}");
}

/// Of many exchanges of one code exactly one is done; the others hear of its family, and leave nothing behind.
pub async fn a_code_is_exchanged_once<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let code = scene.saved_code(store).await;
    let rule = "of many exchanges of one code exactly one is done";
    let exchanges: Vec<Exchange> = (0..MANY).map(|_| scene.exchange(&code)).collect();
    let answers = at_once(MANY, async |number: usize| (number, store.exchange(exchanges[number].clone()).await)).await;
    let mut won = None;
    for (number, exchanged) in &answers {
        if matches!(exchanged, Ok(Exchanged::Done)) {
            assert_eq!(won.replace(exchanges[*number].family.id), None, "{rule}");
        }
    }
    let Some(won) = won else { panic!("{rule}") };
    for (_, exchanged) in answers.into_iter().filter(|(_, exchanged)| !matches!(exchanged, Ok(Exchanged::Done))) {
        assert_eq!(answer(exchanged, rule), Exchanged::Replayed(won), "the others hear of its family");
    }
    assert_eq!(answer(store.exchange(scene.exchange(&code)).await, rule), Exchanged::Replayed(won), "{rule}");
    for exchange in exchanges.iter().filter(|exchange| exchange.family.id != won) {
        let Exchange { refresh: Some(refresh), access: Some(access), .. } = exchange else { panic!("{rule}") };
        assert_eq!(answer(store.refresh_token(&refresh.hash).await, rule), None, "a lost exchange leaves nothing");
        assert_eq!(answer(store.access_token(&access.hash).await, rule), None, "a lost exchange leaves nothing");
        assert_eq!(is_revoked(store, &scene, exchange.family.id).await, Some(true), "its family is unknown");
    }
}

/// A code is gone when it is unknown, withdrawn, guessed at too often, or its session was ended.
pub async fn a_code_that_is_gone_is_exchanged_for_nothing<S: StoreUnderTest>(store: &S) {
    let rule = "a code that is gone is exchanged for nothing";
    let scene = Scene::set(store).await;
    let unknown = scene.code();
    assert_eq!(answer(store.exchange(scene.exchange(&unknown)).await, rule), Exchanged::Gone, "an unknown code");
    let guessed = scene.saved_code(store).await;
    for _ in 1..MAX_WRONG_VERIFIERS {
        answer(store.wrong_verifier(&guessed.hash).await, rule);
    }
    let enough = scene.saved_code(store).await;
    for _ in 0..MAX_WRONG_VERIFIERS {
        answer(store.wrong_verifier(&enough.hash).await, rule);
    }
    assert_eq!(answer(store.exchange(scene.exchange(&guessed)).await, rule), Exchanged::Done, "the last attempt");
    assert_eq!(answer(store.exchange(scene.exchange(&enough)).await, rule), Exchanged::Gone, "guessed at too often");
    let of_ended = scene.saved_code(store).await;
    answer(store.end_session(scene.session_id, NOW).await, rule);
    let exchange = scene.exchange(&of_ended);
    assert_eq!(answer(store.exchange(exchange.clone()).await, rule), Exchanged::Gone, "an ended session");
    assert_eq!(is_revoked(store, &scene, exchange.family.id).await, Some(true), "nothing was saved");
    let replayed = answer(store.exchange(scene.exchange(&guessed)).await, rule);
    assert!(matches!(replayed, Exchanged::Replayed(_)), "a consumed code stays consumed whatever else is true");
}

/// A rotation consumes the token, keeps the answer, and saves what follows.
pub async fn a_rotation_saves_everything<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let issued = scene.exchanged(store).await;
    let rule = "a rotation consumes the token, keeps the answer, and saves what follows";
    let first = issued.rotation();
    assert_eq!(answer(store.rotate(first.clone()).await, rule), Rotated::Done, "{rule}");
    let consumed =
        async |hash: &SecretHash| answer(store.refresh_token(hash).await, rule).and_then(|read| read.consumed);
    let Some(seen) = consumed(&issued.refresh.hash).await else { panic!("{rule}") };
    assert_eq!((seen.at, seen.parameters, &seen.response), (first.at, first.parameters, &first.response), "{rule}");
    assert!(!seen.successor_used, "nobody has used the successor");
    let Some(next) = answer(store.refresh_token(&first.successor.hash).await, rule) else { panic!("{rule}") };
    assert_eq!((&next.token, &next.family, next.consumed), (&first.successor, &issued.family, None), "{rule}");
    let access = first.access.as_ref().map(|access| access.hash).unwrap_or(issued.access.hash);
    assert_eq!(answer(store.access_token(&access).await, rule).map(|(token, _)| token), first.access, "{rule}");
    let second = rotation(&first.successor, &issued.family);
    assert_eq!(answer(store.rotate(second).await, rule), Rotated::Done, "{rule}");
    assert_eq!(consumed(&issued.refresh.hash).await.map(|seen| seen.successor_used), Some(true), "it was used");
    assert_eq!(consumed(&first.successor.hash).await.map(|seen| seen.successor_used), Some(false), "its own was not");
}

/// Of many uses of one token exactly one is done, and the others leave nothing behind.
pub async fn a_refresh_token_is_used_once<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let issued = scene.exchanged(store).await;
    let rule = "of many uses of one refresh token exactly one is done";
    let rotations: Vec<_> = (0..MANY).map(|_| issued.rotation()).collect();
    let answers = at_once(MANY, async |number: usize| (number, store.rotate(rotations[number].clone()).await)).await;
    let mut done = Vec::new();
    for (number, rotated) in answers {
        match answer(rotated, rule) {
            Rotated::Done => done.push(number),
            other => assert_eq!(other, Rotated::AlreadyConsumed, "{rule}"),
        }
    }
    assert_eq!(done.len(), 1, "{rule}");
    assert_eq!(answer(store.rotate(issued.rotation()).await, rule), Rotated::AlreadyConsumed, "{rule}");
    for (number, rotation) in rotations.iter().enumerate() {
        let is_there = answer(store.refresh_token(&rotation.successor.hash).await, rule).is_some();
        assert_eq!(is_there, done.contains(&number), "there is one successor");
        let access = rotation.access.as_ref().map(|access| access.hash).unwrap_or(issued.access.hash);
        let is_there = answer(store.access_token(&access).await, rule).is_some();
        assert_eq!(is_there, done.contains(&number), "there is one access token");
    }
}

/// A hash that no refresh token has is `None`, and using it does nothing.
pub async fn an_unknown_refresh_token_is_none<S: StoreUnderTest>(store: &S) {
    let issued = Scene::set(store).await.exchanged(store).await;
    let rule = "an unknown refresh token is None";
    for hash in [random(), [0; 32], *issued.access.hash.as_bytes(), *issued.code.hash.as_bytes()] {
        let hash = SecretHash::from_bytes(hash);
        assert_eq!(answer(store.refresh_token(&hash).await, rule), None, "{rule}");
        let rotation = crate::store::Rotation { presented: hash, ..issued.rotation() };
        assert_eq!(answer(store.rotate(rotation).await, rule), Rotated::Gone, "{rule}");
    }
}

/// A revoked family is dead in all its tokens and cannot be kept alive; another one is not concerned.
pub async fn a_revoked_family_is_dead<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let (issued, bystander) = (scene.exchanged(store).await, scene.exchanged(store).await);
    let rule = "a revoked family is dead, and no other";
    for _ in 0..2 {
        answer(store.revoke_family(issued.family.id, NOW).await, rule);
        family_is_revoked(store, &scene, &issued, true, rule).await;
        family_is_revoked(store, &scene, &bystander, false, rule).await;
    }
    let rotation = issued.rotation();
    assert_eq!(answer(store.rotate(rotation.clone()).await, rule), Rotated::Gone, "{rule}");
    assert_eq!(answer(store.refresh_token(&rotation.successor.hash).await, rule), None, "{rule}");
    answer(store.revoke_family(Id::new(NOW, random()), NOW).await, "nothing happens for an unknown family");
    family_is_revoked(store, &scene, &bystander, false, rule).await;
}

/// Withdrawing a consent revokes the families of that user and client.
pub async fn a_withdrawn_consent_revokes_its_families<S: StoreUnderTest>(store: &S) {
    let (scene, other) = (Scene::set(store).await, Scene::set(store).await);
    let (issued, bystander) = (scene.exchanged(store).await, other.exchanged(store).await);
    store.withdraw_consent(scene.subject.id, &scene.application.client.client_id).await;
    let rule = "withdrawing a consent revokes its families, and no others";
    assert_eq!(is_revoked(store, &scene, issued.family.id).await, Some(true), "{rule}");
    family_is_revoked(store, &other, &bystander, false, rule).await;
}

/// Of a rotation and a revocation at the same time, the revocation wins in the end.
pub async fn a_revocation_outlasts_a_rotation_at_the_same_time<S: StoreUnderTest>(store: &S) {
    let scene = Scene::set(store).await;
    let rule = "whatever comes first, a revoked family is dead in the end";
    for _ in 0..4 {
        let issued = scene.exchanged(store).await;
        let rotation = issued.rotation();
        at_once(2, async |number: usize| match number {
            0 => drop(answer(store.rotate(rotation.clone()).await, rule)),
            _ => answer(store.revoke_family(issued.family.id, NOW).await, rule),
        })
        .await;
        family_is_revoked(store, &scene, &issued, true, rule).await;
        let successor = answer(store.refresh_token(&rotation.successor.hash).await, rule);
        assert!(successor.is_none_or(|successor| successor.family_revoked), "{rule}");
    }
}

async fn family_is_revoked<S: StoreUnderTest>(store: &S, scene: &Scene, issued: &Issued, expected: bool, rule: &str) {
    let refresh = answer(store.refresh_token(&issued.refresh.hash).await, rule);
    assert_eq!(refresh.map(|read| read.family_revoked), Some(expected), "its refresh token: {rule}");
    let access = answer(store.access_token(&issued.access.hash).await, rule);
    assert_eq!(access.map(|(_, standing)| standing.family_revoked), Some(expected), "its opaque token: {rule}");
    assert_eq!(is_revoked(store, scene, issued.family.id).await, Some(expected), "its signed token: {rule}");
}

/// What the standing of a signed token says about its family.
async fn is_revoked<S: StoreUnderTest>(store: &S, scene: &Scene, family: Id<Family>) -> Option<bool> {
    let (client_id, user_id) = (&scene.application.client.client_id, scene.subject.id);
    let (kid, jti) = (unique(), unique());
    let reference = JwtReference { kid: &kid, jti: &jti, client_id, user_id, family_id: Some(family) };
    let standing = answer(store.jwt_standing(reference).await, "the standing of a signed token is known");
    standing.map(|standing| standing.family_revoked)
}

/// What happened at a moment is told to the microsecond.
pub async fn moments_are_kept_to_the_microsecond<S: StoreUnderTest>(store: &S) {
    let issued = Scene::set(store).await.exchanged(store).await;
    let rule = "moments are kept to the microsecond";
    let mut rotation = issued.rotation();
    rotation.at = Timestamp::from_micros(NOW.micros() + 999_999);
    answer(store.rotate(rotation.clone()).await, rule);
    let read = answer(store.refresh_token(&issued.refresh.hash).await, rule).and_then(|read| read.consumed);
    assert_eq!(read.map(|read| read.at), Some(rotation.at), "{rule}");
}
