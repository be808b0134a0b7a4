//! `/api/signing-keys`

use josekit::jwk::alg::rsa::RsaKeyPair;
use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::{forge::Forge, *};

fn key(attributes: Value) -> Value {
    document("signing_key", attributes, &[])
}

impl TestServer {
    /// The keys that are published, by name.
    async fn jwks(&self, tenant: &Tenant) -> Vec<String> {
        // The rendered document is kept for five seconds.
        self.clock.advance_seconds(6);
        let reply = Reply::of(self.request(tenant, reqwest::Method::GET, "/.well-known/jwks.json")).await.is(200);
        let keys = reply.json()["keys"].as_array().unwrap().clone();
        for key in &keys {
            let mut members: Vec<&String> = key.as_object().unwrap().keys().collect();
            members.sort();
            assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        }
        let mut kids: Vec<String> = keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
        kids.sort();
        kids
    }
}

impl Caller<'_> {
    async fn deactivate(&self, id: &str) -> Reply {
        Reply::of(self.request(reqwest::Method::PATCH, &format!("signing-keys/{id}/deactivate"))).await
    }

    /// The name of the key that signs now.
    async fn primary(&self) -> String {
        let keys = self.get("signing-keys").await.is(200).json()["data"].as_array().unwrap().clone();
        let mut primary = keys.iter().filter(|key| key["attributes"]["primary"] == true);
        let kid = primary.next().unwrap()["attributes"]["kid"].as_str().unwrap().to_owned();
        assert!(primary.next().is_none(), "ky_one_primary");
        kid
    }
}

fn sorted(kids: &[&str]) -> Vec<String> {
    let mut kids: Vec<String> = kids.iter().map(|kid| (*kid).to_owned()).collect();
    kids.sort();
    kids
}

both! {
    /// Rotation as the product's documentation tells it: generate, leave the old one, deactivate it, delete it.
    async fn ky_deactivate_and_ky_delete_a_new_key_signs_at_once_and_an_old_one_is_retired(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (first, first_kid) = (admin.only("signing-keys").await, admin.primary().await);
        server.clock.advance_seconds(1);
        let made = admin.post("signing-keys", &key(json!({"algorithm": "rs256"}))).await.is(201);
        let (second, kid) = (made.id(), made.attribute("kid").as_str().unwrap().to_owned());
        assert!(kid.len() == 11 && kid != first_kid, "{kid}");
        let expected = json!({"kid": kid, "algorithm": "RS256", "key_size": 2048, "status": "active", "primary": true,
            "created_at": made.attribute("created_at"), "updated_at": made.attribute("created_at"),
            "deactivated_at": null});
        assert_eq!(made.json()["data"]["attributes"], expected);
        assert_eq!(admin.primary().await, kid);
        assert_eq!(server.jwks(&server.acme).await, sorted(&[&first_kid, &kid]));
        let (old, new) = (admin.token.clone().unwrap(), server.admin_token(&server.acme).await);
        for token in [&old, &new] {
            server.bearer(&server.acme, token).get("users").await.is(200);
        }

        // ky_deactivate
        let admin = server.bearer(&server.acme, &new);
        let gone = admin.deactivate(&first).await.is(200);
        assert_eq!((gone.attribute("status"), gone.attribute("primary")), (json!("inactive"), json!(false)));
        assert!(gone.attribute("deactivated_at").is_string());
        assert_eq!(server.bearer(&server.acme, &old).get("users").await.error().1, "invalid_token");
        admin.get("users").await.is(200);
        assert_eq!(server.jwks(&server.acme).await, [kid.as_str()]);
        let form = [("token", old.as_str())];
        let seen = server.oauth(&server.acme, "/oauth/introspect", &server.acme.machine(), &form).await.is(200);
        assert_eq!(seen.json(), json!({"active": false}));
        assert_eq!(admin.deactivate(&first).await.is(409).error().1, "inactive_key");

        // ky_delete
        let before = database.dump().await;
        assert_eq!(admin.delete(&format!("signing-keys/{second}")).await.is(409).error().1, "active_key");
        assert_eq!(admin.deactivate(&second).await.is(409).error().1, "last_key");
        assert_eq!(database.dump().await, before);
        admin.delete(&format!("signing-keys/{first}")).await.is(200);
        admin.delete(&format!("signing-keys/{first}")).await.is_error(404, "");
        admin.deactivate(&first).await.is_error(404, "");
    }

    async fn ky_publish_first_a_key_can_be_published_before_it_signs(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (first, first_kid) = (admin.only("signing-keys").await, admin.primary().await);
        server.clock.advance_seconds(1);
        let made = admin.post("signing-keys", &key(json!({"publish_only": true}))).await.is(201);
        let kid = made.attribute("kid").as_str().unwrap().to_owned();
        assert_eq!(made.attribute("primary"), false);
        assert_eq!(admin.primary().await, first_kid);
        assert_eq!(server.jwks(&server.acme).await, sorted(&[&first_kid, &kid]));
        // Once the old one goes, the newest active key takes its place by itself.
        admin.deactivate(&first).await.is(200);
        let admin = server.admin(&server.acme).await;
        assert_eq!(admin.primary().await, kid);
        assert_eq!(server.jwks(&server.acme).await, [kid.as_str()]);
        assert_eq!(server.jwks(&server.beta).await.len(), 1, "the other environment keeps its own");
    }

    async fn ky_size_the_modulus_is_as_long_as_was_asked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let before = database.dump().await;
        for (attributes, place) in [
            (json!({"key_size": 1024}), "key_size"),
            (json!({"key_size": 2028}), "key_size"),
            (json!({"key_size": 8192}), "key_size"),
            (json!({"key_size": -1}), "key_size"),
            (json!({"key_size": "2048"}), "key_size"),
            (json!({"algorithm": "none"}), "algorithm"),
            (json!({"algorithm": "HS256"}), "algorithm"),
            (json!({"publish_only": 1}), "publish_only"),
            (json!({"private_key": "x"}), "private_key"),
            (json!({"kid": "mine"}), "kid"),
            (json!({"primary": true}), "primary"),
        ] {
            let reply = admin.post("signing-keys", &key(attributes.clone())).await.is(422);
            assert_eq!(reply.places(), [at(place)], "{attributes}");
        }
        assert_eq!(database.dump().await, before);
        let made = admin.post("signing-keys", &key(json!({"key_size": 3072, "publish_only": true}))).await.is(201);
        assert_eq!(made.attribute("key_size"), 3072);
        let reply = Reply::of(server.request(&server.acme, reqwest::Method::GET, "/.well-known/jwks.json")).await;
        let keys = reply.json()["keys"].as_array().unwrap().clone();
        let jwk = keys.iter().find(|jwk| jwk["kid"] == made.attribute("kid")).unwrap();
        assert_eq!(
            (jwk["n"].as_str().unwrap().len(), jwk["e"].as_str()),
            (512, Some("AQAB")),
            "384 bytes in base64url"
        );
    }

    /// Every answer about a key, searched for the numbers of its private half.
    async fn ky_never_out_no_answer_tells_a_private_key(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let old = Forge::with_token(&server.acme, admin.token.as_ref().unwrap()).await;
        let made = admin.post("signing-keys", &key(json!({}))).await.is(201);
        let (id, token) = (made.id(), server.admin_token(&server.acme).await);
        let new = Forge::with_token(&server.acme, &token).await;
        let admin = server.bearer(&server.acme, &token);
        let old_id =
            admin.get("signing-keys?sort=created_at").await.ids().into_iter().find(|other| *other != id).unwrap();
        let jwks = Reply::of(server.request(&server.acme, reqwest::Method::GET, "/.well-known/jwks.json")).await;
        let replies = [
            made,
            jwks,
            admin.get("signing-keys").await.is(200),
            admin.get(&format!("signing-keys/{id}")).await.is(200),
            admin.deactivate(&old_id).await.is(200),
            admin.deactivate(&old_id).await.is(409),
            admin.delete(&format!("signing-keys/{id}")).await.is(409),
            admin.delete(&format!("signing-keys/{old_id}")).await.is(200),
        ];
        for forge in [old, new] {
            let private = RsaKeyPair::from_der(forge.der()).unwrap().to_jwk_private_key();
            for name in ["d", "p", "q", "dp", "dq", "qi"] {
                let number = private.parameter(name).and_then(Value::as_str).unwrap();
                assert!(number.len() > 100 && replies.iter().all(|reply| !reply.text.contains(number)), "{name}");
            }
        }
    }

    /// The body that a deactivation may have changes nothing else.
    async fn a_deactivation_needs_no_body_and_takes_no_attributes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.post("signing-keys", &key(json!({"publish_only": true}))).await.is(201).id();
        let path = format!("signing-keys/{id}/deactivate");
        let before = database.dump().await;
        let primary = change("signing_key", &id, json!({"primary": true}));
        assert_eq!(admin.patch(&path, &primary).await.is(422).places(), [at("primary")]);
        admin.patch(&path, &change("signing_key", &nobody(), json!({}))).await.is_error(409, "/data/id");
        admin.patch(&path, &change("user", &id, json!({}))).await.is_error(409, "/data/type");
        assert_eq!(database.dump().await, before);
        let done = admin.patch(&path, &change("signing_key", &id, json!({}))).await.is(200);
        assert_eq!(done.attribute("status"), "inactive");
    }

    /// Keys made and retired at once: one primary at every end, and no key lost.
    async fn ky_one_primary_there_is_exactly_one_whatever_happens_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let first = admin.only("signing-keys").await;
        let (a, b, new, gone) = (key(json!({})), key(json!({})), key(json!({"publish_only": true})), &first);
        let replies = tokio::join!(
            admin.post("signing-keys", &a),
            admin.post("signing-keys", &b),
            admin.post("signing-keys", &new),
            admin.deactivate(gone),
        );
        for reply in [&replies.0, &replies.1, &replies.2] {
            assert!([201, 401].contains(&reply.status), "{}", reply.text);
        }
        assert!([200, 409].contains(&replies.3.status), "{}", replies.3.text);
        assert_eq!(
            database.count("signing_keys WHERE is_primary").await,
            3,
            "one in each environment and in the system's"
        );
        server.admin(&server.acme).await.primary().await;
    }
}
