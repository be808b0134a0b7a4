//! `/api/resource-servers`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn api(attributes: Value) -> Value {
    document("resource_server", attributes, &[])
}

both! {
    async fn an_api_is_made_and_shown(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let attributes = json!({"name": "Docs", "identifier": "https://api.yourcompany.com"});
        let made = admin.post("resource-servers", &api(attributes)).await.is(201);
        let now = made.attribute("created_at");
        let expected = json!({"name": "Docs", "identifier": "https://api.yourcompany.com", "token_ttl": 3600,
            "allow_offline_access": false, "system": false, "created_at": now, "updated_at": now});
        assert_eq!(made.json()["data"]["attributes"], expected);
        let path = format!("resource-servers/{}", made.id());
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], made.json()["data"]);
        let whole = json!({"name": "All", "identifier": "urn:example:all", "token_ttl": 60,
            "allow_offline_access": true,
            "scopes": ["read:documents", "a.b/c"]});
        let whole = admin.post("resource-servers", &api(whole)).await.is(201);
        assert_eq!((whole.attribute("token_ttl"), whole.attribute("allow_offline_access")), (json!(60), json!(true)));
        assert_eq!(database.count("scopes WHERE name IN ('read:documents', 'a.b/c')").await, 2);
        assert_eq!(admin.only("resource-servers?filter[identifier]=urn:example:all").await, whole.id());
        assert_eq!(admin.get("resource-servers?filter[system]=false").await.ids().len(), 2);
        assert_eq!(admin.get("resource-servers").await.ids().len(), 3);
        admin.get(&format!("resource-servers/{}", nobody())).await.is_error(404, "");
    }

    async fn rb_system_the_management_api_is_there_from_the_start_and_stays_as_it_is(database: TestDatabase) {
        let server =
            TestServer::start_with(&database, Setting { default_environment: Some("acme-test"), ..Setting::default() })
                .await;
        // The bare host is the environment's canonical address now; its own host stays an alias.
        let canonical = format!("http://{BASE}/api");
        let form = [("grant_type", "client_credentials"), ("resource", canonical.as_str())];
        let reply = server.oauth(&server.acme, "/oauth/token", &server.acme.machine(), &form).await.is(200);
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        let admin = server.bearer(&server.acme, &token);
        let id = admin.management_api().await;
        let shown = admin.get(&format!("resource-servers/{id}")).await.is(200);
        assert_eq!((shown.attribute("identifier"), shown.attribute("system")), (json!(canonical), json!(true)));
        assert_eq!((shown.attribute("name"), shown.attribute("token_ttl")), (json!("Management API"), json!(3600)));
        assert_eq!(shown.json()["data"]["links"]["self"], format!("{canonical}/resource-servers/{id}"));
        for identifier in [canonical.clone(), server.acme.api()] {
            assert_eq!(admin.only(&format!("resource-servers?filter[identifier]={identifier}")).await, id);
            let both = format!("resource-servers?filter[identifier]={identifier}&filter[system]=false");
            assert_eq!(admin.get(&both).await.ids(), Vec::<String>::new());
        }
        // Nobody else may be called so, and it cannot be written.
        let before = database.dump().await;
        for taken in [
            &*canonical,
            &server.acme.api(),
            &server.acme.issuer(),
            &format!("http://{BASE}"),
            &format!("http://{BASE}/"),
        ] {
            let reply = admin.post("resource-servers", &api(json!({"name": "x", "identifier": taken}))).await;
            reply.is_error(409, &at("identifier"));
        }
        for reply in [
            admin.patch(&format!("resource-servers/{id}"), &change("resource_server", &id, json!({"name": "x"}))).await,
            admin.delete(&format!("resource-servers/{id}")).await,
        ] {
            assert_eq!(reply.error(), (403, "system_resource".to_owned(), String::new()));
        }
        assert_eq!(database.dump().await, before);
    }

    async fn every_rule_of_an_api_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let taken = json!({"name": "Docs", "identifier": "https://docs.example"});
        admin.post("resource-servers", &api(taken.clone())).await.is(201);
        let before = database.dump().await;
        let many: Vec<String> = (0..101).map(|number| format!("scope:{number}")).collect();
        for (name, value, place) in [
            ("name", json!(""), "name"),
            ("name", json!("x".repeat(101)), "name"),
            ("name", json!(null), "name"),
            ("identifier", json!(""), "identifier"),
            ("identifier", json!("/api"), "identifier"),
            ("identifier", json!("https://a.example/#f"), "identifier"),
            ("identifier", json!("https://ä.example"), "identifier"),
            ("identifier", json!(format!("https://a.example/{}", "x".repeat(255))), "identifier"),
            ("token_ttl", json!(59), "token_ttl"),
            ("token_ttl", json!(86_401), "token_ttl"),
            ("token_ttl", json!("60"), "token_ttl"),
            ("token_ttl", json!(-1), "token_ttl"),
            ("token_ttl", json!(null), "token_ttl"),
            ("allow_offline_access", json!("yes"), "allow_offline_access"),
            ("scopes", json!(["a b"]), "scopes/0"),
            ("scopes", json!(["a", "a"]), "scopes/1"),
            ("scopes", json!(many), "scopes"),
            ("scopes", json!("a"), "scopes"),
        ] {
            let mut attributes = json!({"name": "New", "identifier": "https://new.example"});
            attributes[name] = value.clone();
            assert_eq!(
                admin.post("resource-servers", &api(attributes)).await.is(422).places(),
                [at(place)],
                "{name} {value}"
            );
        }
        assert_eq!(
            admin.post("resource-servers", &api(json!({}))).await.is(422).places(),
            [at("identifier"), at("name")]
        );
        admin.post("resource-servers", &api(taken.clone())).await.is_error(409, &at("identifier"));
        assert_eq!(database.dump().await, before);
        let beta = server.admin(&server.beta).await;
        beta.post("resource-servers", &api(taken)).await.is(201);
    }
}
