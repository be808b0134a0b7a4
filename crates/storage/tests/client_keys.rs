//! Clients that prove themselves with keys: they have no secret.

use paylent_domain::client::{Client, ClientType};
use paylent_oauth::{Store as _, crypto::secret::SecretHash};
use paylent_storage::{ClientChange, Env, Error, Expected, NewClient, Refusal};
use paylent_tests::{
    both,
    seed::{self, Seeded, by, new_id},
};

use crate::common::{generation, is_refused, on_nodes, public, work};

const SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}"#;
const ADDRESS: &str = "https://app.example/jwks.json";

type Keys = Option<&'static str>;

/// A change of the keys: `Some(None)` takes them away.
fn keys(jwks: Option<Keys>, jwks_uri: Option<Keys>) -> ClientChange {
    let owned = |keys: Option<Keys>| keys.map(|keys| keys.map(str::to_owned));
    ClientChange { jwks: owned(jwks), jwks_uri: owned(jwks_uri), ..ClientChange::default() }
}

async fn change(seeded: &Seeded, change: ClientChange) -> Result<Client, Error> {
    let changed = seeded.env.update_client(seeded.client, change, &Expected::Any, &by()).await;
    changed.map(Option::unwrap)
}

/// Whether the client has a secret.
async fn has_secret(seeded: &Seeded) -> bool {
    seeded.env.client(&seeded.client_id).await.unwrap().unwrap().secret_hash.is_some()
}

both! {
    async fn keys_put_an_end_to_the_secret_until_another_is_made(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let rotate = async || {
            env.rotate_client_secret(seeded.client, SecretHash::of("another"), &Expected::Any, &by()).await
        };
        for (given, taken) in [
            (keys(Some(Some(SET)), None), keys(Some(None), None)),
            (keys(None, Some(Some(ADDRESS))), keys(None, Some(None))),
        ] {
            assert!(has_secret(&seeded).await);
            let with_keys = change(&seeded, given.clone()).await.unwrap();
            assert_eq!((&with_keys.jwks, &with_keys.jwks_uri), (&given.jwks.flatten(), &given.jwks_uri.flatten()));
            assert_eq!(with_keys.token_endpoint_auth_method(), "private_key_jwt");
            let stored = env.client(&seeded.client_id).await.unwrap().unwrap();
            assert_eq!((&stored.jwks, &stored.jwks_uri), (&with_keys.jwks, &with_keys.jwks_uri));
            assert!(stored.secret_hash.is_none());
            is_refused(rotate().await, Refusal::ClientWithKeys);
            let without = change(&seeded, taken).await.unwrap();
            assert_eq!((without.has_keys(), without.token_endpoint_auth_method()), (false, "client_secret_basic"));
            assert!(!has_secret(&seeded).await, "the old secret does not come back");
            rotate().await.unwrap().unwrap();
        }
        assert!(has_secret(&seeded).await);
        assert_eq!(generation(&database, env, "clients", seeded.client).await, 0, "tokens live on");
    }

    async fn a_change_that_is_not_about_keys_leaves_the_secret(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let renamed = ClientChange { name: Some("Other".to_owned()), ..keys(Some(None), Some(None)) };
        change(&seeded, renamed).await.unwrap();
        assert!(has_secret(&seeded).await);
    }

    async fn keys_of_one_kind_replace_those_of_the_other_only_when_it_is_said(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        for (given, other, both) in [
            (keys(Some(Some(SET)), None), keys(None, Some(Some(ADDRESS))), keys(Some(None), Some(Some(ADDRESS)))),
            (keys(None, None), keys(Some(Some(SET)), None), keys(Some(Some(SET)), Some(None))),
        ] {
            change(&seeded, given).await.unwrap();
            let before = database.dump().await;
            is_refused(change(&seeded, other).await, Refusal::Overtaken);
            is_refused(change(&seeded, keys(Some(Some(SET)), Some(Some(ADDRESS)))).await, Refusal::Overtaken);
            assert_eq!(database.dump().await, before);
            let replaced = change(&seeded, both.clone()).await.unwrap();
            assert_eq!((replaced.jwks, replaced.jwks_uri), (both.jwks.flatten(), both.jwks_uri.flatten()));
        }
    }

    async fn of_keys_of_both_kinds_given_at_once_one_is_kept(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        for _ in 0..10 {
            change(&seeded, keys(Some(None), Some(None))).await.unwrap();
            let id = seeded.client;
            let give = |change: ClientChange| {
                work(move |env: Env| async move { env.update_client(id, change, &Expected::Any, &by()).await })
            };
            let works = vec![give(keys(Some(Some(SET)), None)), give(keys(None, Some(Some(ADDRESS))))];
            let mut outcomes = on_nodes(database.url(), &seeded.env, works);
            outcomes.sort_by_key(Result::is_err);
            is_refused(outcomes.remove(1), Refusal::Overtaken);
            assert!(outcomes.remove(0).unwrap().unwrap().has_keys());
        }
    }

    /// The database itself holds the rule that a client has one way to prove itself at most.
    async fn a_secret_beside_keys_and_keys_of_a_public_client_cannot_be_stored(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (jwks, jwks_uri) = (Some(SET.to_owned()), Some(ADDRESS.to_owned()));
        let machine = || seed::machine(new_id(), new_id(), &seeded.secret);
        let before = database.dump().await;
        for wrong in [
            NewClient { jwks: jwks.clone(), ..machine() },
            NewClient { jwks_uri: jwks_uri.clone(), ..machine() },
            NewClient { jwks: jwks.clone(), jwks_uri: jwks_uri.clone(), secret_hash: None, ..machine() },
            NewClient { client_type: ClientType::Public, ..machine() },
            NewClient { jwks: jwks.clone(), ..public() },
            NewClient { jwks_uri: jwks_uri.clone(), ..public() },
        ] {
            let outcome = seeded.env.register_client(wrong, &by()).await;
            assert!(matches!(outcome, Err(Error::Broken(_))), "{outcome:?}");
        }
        assert_eq!(database.dump().await, before);
        for right in [
            NewClient { jwks, secret_hash: None, ..machine() },
            NewClient { jwks_uri, secret_hash: None, ..machine() },
            NewClient { secret_hash: None, ..machine() },
        ] {
            let made = seeded.env.register_client(right.clone(), &by()).await.unwrap();
            assert_eq!((made.jwks, made.jwks_uri), (right.jwks, right.jwks_uri));
        }
    }

    async fn lg_audit_the_trail_tells_what_changed_in_keys_and_addresses(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let all = ClientChange {
            post_logout_redirect_uris: Some(vec!["https://app.example/bye".to_owned()]),
            backchannel_logout_uri: Some(Some("https://app.example/logout".to_owned())),
            allowed_origins: Some(vec!["https://app.example".to_owned(), "http://localhost".to_owned()]),
            id_token_claims: Some(true),
            ..keys(Some(Some(SET)), None)
        };
        change(&seeded, all).await.unwrap();
        let changes = database.values("SELECT changes FROM audit_events WHERE action = 'client.updated'").await;
        let told: serde_json::Value = serde_json::from_str(&changes[0]).unwrap();
        let change = |from, to| serde_json::json!({"from": from, "to": to});
        let expected = serde_json::json!({
            "post_logout_redirect_uris": change(Some(""), "https://app.example/bye"),
            "backchannel_logout_uri": change(None, "https://app.example/logout"),
            "allowed_origins": change(Some(""), "https://app.example http://localhost"),
            "id_token_claims": change(Some("false"), "true"),
            "jwks": change(None, SET),
            "token_endpoint_auth_method": change(Some("client_secret_basic"), "private_key_jwt"),
        });
        assert_eq!((told, changes.len()), (expected, 1));
    }
}
