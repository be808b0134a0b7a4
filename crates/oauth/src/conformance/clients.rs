//! `client`: the client of a `client_id`.

use paylent_crypto::secret::SecretHash;
use paylent_domain::client::{ClientType, GrantType, TokenFormat};

use super::{
    StoreUnderTest,
    fixtures::{answer, client_in_order, machine, random, unique},
};
use crate::store::{Client, Machine};

/// A `client_id` that nobody has, however odd, is `None` and no failure.
pub async fn an_unknown_client_is_none<S: StoreUnderTest>(store: &S) {
    store.put_machine(machine()).await;
    let long = "x".repeat(512);
    for client_id in [unique().as_str(), "", "%", "_", "*", "' OR 1=1 --", "\u{1F642} 漢字", &long] {
        let rule = format!("a client_id that nobody has is None: {client_id:?}");
        assert_eq!(answer(store.client(client_id).await, &rule), None, "{rule}");
        assert_eq!(answer(store.machine(client_id).await, &rule), None, "{rule}");
    }
}

/// A `client_id` in another case, or with a space more, is another one.
pub async fn client_ids_are_compared_byte_for_byte<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    let client_id = machine.client.client_id.clone();
    store.put_machine(machine).await;
    for other in [client_id.to_uppercase(), client_id.to_lowercase(), format!("{client_id} "), format!(" {client_id}")]
    {
        let rule = "client_ids are compared byte for byte";
        assert_eq!(answer(store.client(&other).await, rule), None, "{rule}: {other:?} is not {client_id:?}");
        assert_eq!(answer(store.machine(&other).await, rule), None, "{rule}: {other:?} is not {client_id:?}");
    }
}

/// What was described is what is read.
pub async fn a_client_comes_back_with_every_field<S: StoreUnderTest>(store: &S) {
    let plain = machine();
    let full = Machine {
        client: Client {
            secret_hash: None,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::ClientCredentials, GrantType::RefreshToken],
            token_format: TokenFormat::Opaque,
            access_token_ttl: Some(86_400),
            jwks: Some(r#"{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}"#.to_owned()),
            id_token_claims: true,
            generation: 1 << 40,
            ..machine().client
        },
        ..machine()
    };
    let with_address = Machine {
        client: Client {
            secret_hash: None,
            jwks_uri: Some("https://app.example.com/jwks.json?it's=\"here\"".to_owned()),
            ..machine().client
        },
        ..machine()
    };
    for machine in [plain, full, with_address] {
        store.put_machine(machine.clone()).await;
        is_read(store, &machine.client, "a client comes back with every field").await;
    }
}

/// A public client has `secret_hash: None`.
pub async fn a_public_client_has_no_secret<S: StoreUnderTest>(store: &S) {
    let client = Client {
        client_type: ClientType::Public,
        secret_hash: None,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        ..machine().client
    };
    store.put_machine(Machine { client: client.clone(), user: None, grants: Vec::new(), primary_kid: None }).await;
    is_read(store, &client, "a public client has no secret").await;
}

/// The engine refuses an inactive client; the store must not hide it, or the two would be told apart by time.
pub async fn an_inactive_client_is_returned<S: StoreUnderTest>(store: &S) {
    let mut machine = machine();
    machine.client.active = false;
    store.put_machine(machine.clone()).await;
    let rule = "an inactive client is returned, as inactive";
    is_read(store, &machine.client, rule).await;
    let read = answer(store.machine(&machine.client.client_id).await, rule);
    assert_eq!(read.map(|machine| machine.client), Some(machine.client), "{rule}");
}

/// Once a write has resolved, nobody reads what was before it: an old secret is not accepted any more.
pub async fn a_client_described_anew_is_replaced<S: StoreUnderTest>(store: &S) {
    let mut machine = machine();
    store.put_machine(machine.clone()).await;
    machine.client.secret_hash = Some(SecretHash::from_bytes(random()));
    machine.client.token_format = TokenFormat::Opaque;
    machine.client.access_token_ttl = Some(60);
    machine.client.generation = 7;
    store.put_machine(machine.clone()).await;
    is_read(store, &machine.client, "a client that changed is read as it is now").await;
}

async fn is_read<S: StoreUnderTest>(store: &S, client: &Client, rule: &str) {
    let read = answer(store.client(&client.client_id).await, rule);
    assert_eq!(read.map(client_in_order), Some(client_in_order(client.clone())), "{rule}");
}
