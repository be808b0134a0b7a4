//! `access_token`, `jwt_standing`, `deny_jwt`: how those a token depends on stand at this moment.

use paylent_domain::{Id, Timestamp};

use super::{
    StoreUnderTest,
    fixtures::{NOW, answer, key, machine, random, token, unique},
};
use crate::store::{JwtReference, Machine, OpaqueToken, Standing};

/// An opaque and a signed token of one machine, and the key of the latter.
struct Issued {
    machine: Machine,
    opaque: OpaqueToken,
    kid: String,
    jti: String,
}

impl Issued {
    async fn by<S: StoreUnderTest>(store: &S) -> Self {
        let mut machine = machine();
        machine.client.generation = 2;
        machine.user.iter_mut().for_each(|user| user.generation = 5);
        store.put_machine(machine.clone()).await;
        let (opaque, key) = (token(&machine), key());
        answer(store.save_access_token(opaque.clone()).await, "a token can be saved");
        let kid = key.kid.clone();
        store.add_key(key).await;
        Self { machine, opaque, kid, jti: unique() }
    }

    fn reference(&self) -> JwtReference<'_> {
        let OpaqueToken { client_id, user_id, .. } = &self.opaque;
        JwtReference { kid: &self.kid, jti: &self.jti, client_id, user_id: *user_id, family_id: None }
    }

    /// Checks that both tokens stand as expected; the cut-off is not looked at.
    async fn stand<S: StoreUnderTest>(&self, store: &S, expected: &Standing, rule: &str) {
        let opaque = answer(store.access_token(&self.opaque.hash).await, rule).map(|(_, standing)| standing);
        assert_eq!(opaque.map(without_cut_off).as_ref(), Some(expected), "an opaque token: {rule}");
        is_standing(store, self.reference(), expected, rule).await;
    }
}

async fn is_standing<S: StoreUnderTest>(store: &S, token: JwtReference<'_>, expected: &Standing, rule: &str) {
    let standing = answer(store.jwt_standing(token).await, rule);
    assert_eq!(standing.map(without_cut_off).as_ref(), Some(expected), "a signed token: {rule}");
}

const GOOD: Standing = Standing {
    client_active: true,
    client_generation: 2,
    user_active: true,
    user_generation: 5,
    key_active: true,
    denied: false,
    family_revoked: false,
    not_before: Timestamp::from_seconds(0),
    ownership: None,
    connection: None,
};

fn without_cut_off(standing: Standing) -> Standing {
    Standing { not_before: GOOD.not_before, ..standing }
}

/// Everything is as it was when the token was issued.
pub async fn tokens_of_an_active_client_and_user_are_in_good_standing<S: StoreUnderTest>(store: &S) {
    let issued = Issued::by(store).await;
    issued.stand(store, &GOOD, "client, user and key are in good standing").await;
}

/// A deactivated client is reported, and reported as active again when it is.
pub async fn a_client_that_may_not_act_is_seen_at_once<S: StoreUnderTest>(store: &S) {
    let mut issued = Issued::by(store).await;
    for active in [false, true] {
        issued.machine.client.active = active;
        store.put_machine(issued.machine.clone()).await;
        let expected = Standing { client_active: active, ..GOOD };
        issued.stand(store, &expected, "whether the client is active is seen at once").await;
    }
}

/// A deactivated user is reported, and reported as active again when it is.
pub async fn a_user_that_may_not_act_is_seen_at_once<S: StoreUnderTest>(store: &S) {
    let mut issued = Issued::by(store).await;
    for active in [false, true] {
        issued.machine.user.iter_mut().for_each(|user| user.active = active);
        store.put_machine(issued.machine.clone()).await;
        let expected = Standing { user_active: active, ..GOOD };
        issued.stand(store, &expected, "whether the user is active is seen at once").await;
    }
}

/// The standing tells the generations of now, the token those of then.
pub async fn raised_generations_are_seen_at_once<S: StoreUnderTest>(store: &S) {
    let mut issued = Issued::by(store).await;
    issued.machine.client.generation = 3;
    store.put_machine(issued.machine.clone()).await;
    let raised = Standing { client_generation: 3, ..GOOD };
    issued.stand(store, &raised, "the client's generation is the one of now").await;
    issued.machine.user.iter_mut().for_each(|user| user.generation = 6);
    store.put_machine(issued.machine.clone()).await;
    let raised = Standing { user_generation: 6, ..raised };
    issued.stand(store, &raised, "the user's generation is the one of now").await;
    let stored = answer(store.access_token(&issued.opaque.hash).await, "the token is known").map(|(token, _)| token);
    assert_eq!(stored, Some(issued.opaque), "a token keeps the generations of the moment it was issued");
}

/// What happens to one client and user says nothing about another.
pub async fn another_machine_changes_nothing<S: StoreUnderTest>(store: &S) {
    let (issued, mut other) = (Issued::by(store).await, Issued::by(store).await);
    other.machine.client.active = false;
    other.machine.client.generation = 9;
    other.machine.user.iter_mut().for_each(|user| (user.active, user.generation) = (false, 9));
    store.put_machine(other.machine.clone()).await;
    answer(store.deny_jwt(&other.jti, NOW).await, "a signed token can be denied");
    answer(store.delete_access_token(&other.opaque.hash).await, "a token can be deleted");
    issued.stand(store, &GOOD, "another client and user change nothing").await;
}

/// Without its client a signed token is worth nothing.
pub async fn a_signed_token_of_an_unknown_client_is_none<S: StoreUnderTest>(store: &S) {
    let issued = Issued::by(store).await;
    let rule = "a signed token of an unknown client has no standing";
    let unknown = unique();
    let near = issued.opaque.client_id.to_uppercase();
    for client_id in [unknown.as_str(), &near, ""] {
        let standing = answer(store.jwt_standing(JwtReference { client_id, ..issued.reference() }).await, rule);
        assert_eq!(standing, None, "{rule}: {client_id:?}");
    }
}

/// A user that is gone may not act, and has generation zero.
pub async fn an_unknown_user_may_not_act<S: StoreUnderTest>(store: &S) {
    let issued = Issued::by(store).await;
    let unknown = JwtReference { user_id: Id::new(NOW, random()), ..issued.reference() };
    let expected = Standing { user_active: false, user_generation: 0, ..GOOD };
    is_standing(store, unknown, &expected, "an unknown user may not act and has generation zero").await;
}

/// The signatures of a deactivated or unknown key do not count; opaque tokens have no key.
pub async fn a_key_counts_only_while_it_is_active<S: StoreUnderTest>(store: &S) {
    let (issued, newer) = (Issued::by(store).await, Issued::by(store).await);
    let no_key = Standing { key_active: false, ..GOOD };
    let unknown = unique();
    let reference = JwtReference { kid: &unknown, ..issued.reference() };
    is_standing(store, reference, &no_key, "an unknown key is not active").await;
    store.deactivate_key(&issued.kid).await;
    is_standing(store, issued.reference(), &no_key, "a deactivated key is seen at once").await;
    newer.stand(store, &GOOD, "the other keys stay active").await;
    let opaque = answer(store.access_token(&issued.opaque.hash).await, "the token is known");
    let opaque = opaque.map(|(_, standing)| without_cut_off(standing));
    assert_eq!(opaque, Some(GOOD), "an opaque token does not depend on a key");
}

/// Denying takes effect when it resolves, and only for the `jti` it names.
pub async fn a_denied_token_is_denied_and_no_other<S: StoreUnderTest>(store: &S) {
    let issued = Issued::by(store).await;
    answer(store.deny_jwt(&issued.jti, NOW.plus_seconds(3_600)).await, "a signed token can be denied");
    let denied = Standing { denied: true, ..GOOD };
    is_standing(store, issued.reference(), &denied, "a denied token is seen at once").await;
    let other = unique();
    let other = JwtReference { jti: &other, ..issued.reference() };
    is_standing(store, other, &GOOD, "another token of the same client is not denied").await;
    let near = issued.jti.to_uppercase();
    let near = JwtReference { jti: &near, ..issued.reference() };
    is_standing(store, near, &GOOD, "a jti in another case is another one").await;
}

/// A client may repeat a revocation whose answer it lost.
pub async fn denying_twice_is_as_good_as_once<S: StoreUnderTest>(store: &S) {
    let issued = Issued::by(store).await;
    let until = NOW.plus_seconds(3_600);
    for until in [until, until, until.plus_seconds(1)] {
        answer(store.deny_jwt(&issued.jti, until).await, "a denied token can be denied again");
        let denied = Standing { denied: true, ..GOOD };
        is_standing(store, issued.reference(), &denied, "a token denied twice is denied").await;
    }
}

/// Both kinds of token tell the cut-off of the environment, to the microsecond.
pub async fn the_cut_off_is_the_last_one_set<S: StoreUnderTest>(store: &S) {
    let issued = Issued::by(store).await;
    let rule = "the environment's cut-off is seen at once, to the microsecond";
    for moment in [NOW, Timestamp::from_micros(NOW.micros() + 1)] {
        store.set_not_before(moment).await;
        let opaque = answer(store.access_token(&issued.opaque.hash).await, rule).map(|(_, standing)| standing);
        assert_eq!(opaque.map(|standing| standing.not_before), Some(moment), "an opaque token: {rule}");
        let jwt = answer(store.jwt_standing(issued.reference()).await, rule);
        assert_eq!(jwt.map(|standing| standing.not_before), Some(moment), "a signed token: {rule}");
    }
}
