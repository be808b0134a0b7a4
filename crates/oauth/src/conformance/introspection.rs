//! `may_introspect`: who may introspect tokens for an audience that were issued to others.

use super::{
    StoreUnderTest,
    fixtures::{answer, grant, machine, unique},
};
use crate::store::Machine;

/// A grant for a resource server lets a client get tokens, not see those of others; and what is not there is nobody's.
pub async fn nobody_may_introspect_until_allowed<S: StoreUnderTest>(store: &S) {
    let (owner, audience) = resource_server(store).await;
    may(store, &owner, &audience, false, "a grant for an audience is no right to introspect for it").await;
    let stranger = client(store).await;
    may(store, &stranger, &audience, false, "nobody may introspect until allowed").await;
    store.set_introspection_clients(&audience, &[&stranger]).await;
    may(store, &owner, &audience, false, "another client's right is not the owner's").await;
    for odd in [unique().as_str(), "", "%", "_", "*", "' OR 1=1 --", "\u{1F642} 漢字", "https://id.example.com"] {
        may(store, odd, &audience, false, "an unknown client may not introspect").await;
        may(store, &stranger, odd, false, "nobody may introspect for an audience that is no resource server's").await;
    }
}

/// The right needs no grant. It covers the audience it was given for, and nobody else.
pub async fn the_right_is_one_clients_for_one_audience<S: StoreUnderTest>(store: &S) {
    let ((_, one), (_, other)) = (resource_server(store).await, resource_server(store).await);
    let (of_one, of_other, of_both) = (client(store).await, client(store).await, client(store).await);
    store.set_introspection_clients(&one, &[&of_one, &of_both]).await;
    store.set_introspection_clients(&other, &[&of_both, &of_other]).await;
    let rule = "a client may introspect for the audiences it was allowed, and for no other";
    for (client_id, at_one, at_other) in [(of_one, true, false), (of_other, false, true), (of_both, true, true)] {
        may(store, &client_id, &one, at_one, rule).await;
        may(store, &client_id, &other, at_other, rule).await;
    }
}

/// A `client_id` or audience in another case, or with a character more, is another one.
pub async fn clients_and_audiences_are_compared_byte_for_byte<S: StoreUnderTest>(store: &S) {
    let ((_, audience), client_id) = (resource_server(store).await, client(store).await);
    store.set_introspection_clients(&audience, &[&client_id]).await;
    let rule = "clients and audiences are compared byte for byte";
    may(store, &client_id, &audience, true, rule).await;
    for other in [client_id.to_uppercase(), client_id.to_lowercase(), format!("{client_id} "), format!(" {client_id}")]
    {
        may(store, &other, &audience, false, rule).await;
    }
    for other in [audience.to_uppercase(), format!("{audience}/"), format!("{audience} "), format!(" {audience}")] {
        may(store, &client_id, &other, false, rule).await;
    }
}

/// The right hangs on the client, not on what it is like.
pub async fn a_client_described_anew_keeps_the_right<S: StoreUnderTest>(store: &S) {
    let ((_, audience), mut machine) = (resource_server(store).await, machine());
    store.put_machine(machine.clone()).await;
    store.set_introspection_clients(&audience, &[&machine.client.client_id]).await;
    machine.client.generation = 7;
    machine.grants.clear();
    store.put_machine(machine.clone()).await;
    may(store, &machine.client.client_id, &audience, true, "a client that changed keeps its right").await;
}

/// Once a write has resolved, nobody reads what was before it: a right taken away is gone.
pub async fn the_clients_are_the_last_ones_set<S: StoreUnderTest>(store: &S) {
    let (_, audience) = resource_server(store).await;
    let (one, other) = (client(store).await, client(store).await);
    let (one, other) = (one.as_str(), other.as_str());
    for allowed in [&[one, other][..], &[other], &[], &[one]] {
        store.set_introspection_clients(&audience, allowed).await;
        for client_id in [one, other] {
            let expected = allowed.contains(&client_id);
            may(store, client_id, &audience, expected, "a right given or taken away is seen at once").await;
        }
    }
}

/// A resource server of its own: the client that has a grant for it, and its identifier.
async fn resource_server<S: StoreUnderTest>(store: &S) -> (String, String) {
    let grant = grant(None);
    let audience = grant.resource.clone();
    let owner = Machine { grants: vec![grant], ..machine() };
    store.put_machine(owner.clone()).await;
    (owner.client.client_id, audience)
}

/// A client without grants.
async fn client<S: StoreUnderTest>(store: &S) -> String {
    let machine = Machine { grants: Vec::new(), ..machine() };
    store.put_machine(machine.clone()).await;
    machine.client.client_id
}

async fn may<S: StoreUnderTest>(store: &S, client_id: &str, audience: &str, expected: bool, rule: &str) {
    let read = answer(store.may_introspect(client_id, audience).await, rule);
    assert_eq!(read, expected, "{rule}: {client_id:?}, {audience:?}");
}
