//! `/api/clients`: how they are registered, shown, changed and deleted. Who may do so is in `api_client_rights`.

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn client(attributes: Value) -> Value {
    document("client", attributes, &[])
}

/// What no client may register, beside `https://app.example/cb`.
const BAD_URIS: [&str; 11] = [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "myapp://cb",
    "http://app.example/cb",
    "/cb",
    "https://app.example/cb#f",
    "https://u@app.example/cb",
    "https://*.app.example/cb",
    "https://app.example/\u{7f}",
    "https://app.example/cb",
];

/// What no client may register, beside `https://app.example`.
const BAD_ORIGINS: [&str; 10] = [
    "*",
    "null",
    "app.example",
    "https://app.example/",
    "https://app.example/path",
    "https://app.example:443",
    "https://*.app.example",
    "http://app.example",
    "https://APP.example",
    "https://app.example",
];

fn machine(name: &str) -> Value {
    json!({"name": name, "grant_types": ["client_credentials"]})
}

both! {
    async fn ca_once_a_client_is_registered_with_defaults_and_its_secret_is_told_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let made = admin.post("clients", &client(json!({"name": "Shop"}))).await.is(201);
        let (id, json) = (made.id(), made.json());
        let url = format!("{}/clients/{id}", server.acme.api());
        assert_eq!((made.header("location"), json["data"]["links"]["self"].as_str()), (url.as_str(), Some(&*url)));
        let (client_id, secret) = (json["meta"]["client_id"].clone(), json["meta"]["client_secret"].as_str().unwrap());
        assert!(secret.starts_with("pay_cs_") && secret.len() == 50, "{secret}");
        let now = made.attribute("created_at");
        let expected = json!({"client_id": client_id, "name": "Shop", "client_type": "confidential",
            "redirect_uris": [], "post_logout_redirect_uris": [], "backchannel_logout_uri": null, "allowed_origins": [],
            "token_endpoint_auth_method": "client_secret_basic", "jwks": null, "jwks_uri": null, "id_token_claims": false,
            "organization_usage": "none",
            "grant_types": ["authorization_code"], "token_format": "jwt", "first_party": false, "require_pkce": false,
            "access_token_ttl": null, "active": true, "created_at": now, "updated_at": now});
        assert_eq!(json["data"]["attributes"], expected);
        assert_eq!(json["data"]["relationships"]["user"]["data"], Value::Null);
        assert_eq!(json["meta"].as_object().unwrap().len(), 2);

        // No later answer tells it.
        let rename = change("client", &id, json!({"name": "Shop 2"}));
        let later = [
            admin.get(&format!("clients/{id}")).await.is(200),
            admin.get("clients").await.is(200),
            admin.patch(&format!("clients/{id}"), &rename).await.is(200),
            admin.patch(&format!("clients/{id}"), &change("client", &id, json!({}))).await.is(200),
            admin.delete(&format!("clients/{id}")).await.is(200),
        ];
        for reply in later {
            let told = reply.text.replace("client_secret_basic", "");
            assert!(!told.contains("secret") && !told.contains(secret), "{}", reply.text);
        }
        admin.delete(&format!("clients/{id}")).await.is_error(404, "");
    }

    async fn a_public_client_has_no_secret_and_needs_pkce(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let uris = json!(["https://app.example/cb?provider=payt", "http://localhost:3000/cb", "http://127.0.0.1/cb"]);
        let attributes = json!({"name": "App", "client_type": "public", "redirect_uris": uris, "first_party": true,
            "grant_types": ["refresh_token", "authorization_code"], "token_format": "opaque", "access_token_ttl": 60});
        let made = admin.post("clients", &client(attributes)).await.is(201);
        assert!(!made.text.contains("secret"), "{}", made.text);
        assert_eq!(made.attribute("token_endpoint_auth_method"), "none");
        assert_eq!(made.attribute("redirect_uris"), uris);
        assert_eq!((made.attribute("require_pkce"), made.attribute("first_party")), (json!(true), json!(true)));
        assert_eq!((made.attribute("token_format"), made.attribute("access_token_ttl")), (json!("opaque"), json!(60)));
        assert_eq!(made.attribute("grant_types"), json!(["refresh_token", "authorization_code"]));
        let client_id = made.attribute("client_id");
        let found = admin.only(&format!("clients?filter[client_id]={}", client_id.as_str().unwrap())).await;
        assert_eq!(found, made.id());
        assert_eq!(admin.get("clients?filter[client_id]=%25").await.ids(), Vec::<String>::new());
    }

    async fn what_sign_in_needs_is_registered_changed_and_taken_away(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let given = json!({
            "post_logout_redirect_uris": ["https://app.example/bye?from=payt", "http://localhost:3000/bye"],
            "backchannel_logout_uri": "http://127.0.0.1:3000/logout",
            "allowed_origins": ["https://app.example", "http://localhost:3000"],
            "id_token_claims": true,
            "organization_usage": "required",
        });
        let none = json!({"post_logout_redirect_uris": [], "backchannel_logout_uri": null, "allowed_origins": [],
            "id_token_claims": false, "organization_usage": "optional"});
        let mut whole = json!({"name": "App", "client_type": "public"});
        whole.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let made = admin.post("clients", &client(whole)).await.is(201);
        let path = format!("clients/{}", made.id());
        let is = async |reply: &Reply, expected: &Value| {
            let shown = admin.get(&path).await.is(200);
            assert_eq!(shown.json()["data"], reply.json()["data"]);
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&reply.attribute(name), value, "{name}");
            }
        };
        is(&made, &given).await;
        let set = |attributes: &Value| change("client", &made.id(), attributes.clone());
        for attributes in [&none, &given] {
            is(&admin.patch(&path, &set(attributes)).await.is(200), attributes).await;
        }
        is(&admin.patch(&path, &set(&json!({"name": "Renamed"}))).await.is(200), &given).await;
        let sparse = admin.get(&format!("{path}?fields[client]=allowed_origins,jwks")).await.is(200);
        let expected = json!({"allowed_origins": given["allowed_origins"], "jwks": null});
        assert_eq!(sparse.json()["data"]["attributes"], expected);
    }

    async fn every_rule_of_a_client_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.register(json!({"name": "Shop"}), None).await.id;
        let before = database.dump().await;
        let long = format!("https://app.example/{}", "x".repeat(2_048));
        let mut faults: Vec<(Value, &str)> = vec![
            (json!({"name": ""}), "name"),
            (json!({"name": "x".repeat(101)}), "name"),
            (json!({"name": 1}), "name"),
            (json!({"token_format": "saml"}), "token_format"),
            (json!({"grant_types": []}), "grant_types"),
            (json!({"grant_types": ["password"]}), "grant_types/0"),
            (json!({"grant_types": "all"}), "grant_types"),
            (json!({"grant_types": ["authorization_code", "authorization_code"]}), "grant_types/1"),
            (json!({"grant_types": ["refresh_token"]}), "grant_types/0"),
            (json!({"require_pkce": "yes"}), "require_pkce"),
            (json!({"access_token_ttl": 59}), "access_token_ttl"),
            (json!({"access_token_ttl": 86_401}), "access_token_ttl"),
            (json!({"access_token_ttl": 1.5}), "access_token_ttl"),
            (json!({"redirect_uris": vec!["https://a.example"; 11]}), "redirect_uris"),
            (json!({"redirect_uris": ["https://a.example", 7]}), "redirect_uris/1"),
            (json!({"redirect_uris": null}), "redirect_uris"),
            (json!({"post_logout_redirect_uris": vec!["https://a.example"; 11]}), "post_logout_redirect_uris"),
            (json!({"post_logout_redirect_uris": ["https://a.example", 7]}), "post_logout_redirect_uris/1"),
            (json!({"post_logout_redirect_uris": null}), "post_logout_redirect_uris"),
            (json!({"backchannel_logout_uri": ["https://a.example"]}), "backchannel_logout_uri"),
            (json!({"jwks_uri": true}), "jwks_uri"),
            (json!({"organization_usage": "sometimes"}), "organization_usage"),
            (json!({"id_token_claims": null}), "id_token_claims"),
            (json!({"id_token_claims": "yes"}), "id_token_claims"),
            (json!({"allowed_origins": "https://a.example"}), "allowed_origins"),
            (json!({"allowed_origins": null}), "allowed_origins"),
            (json!({"allowed_origins": (0..11).map(|n| format!("https://a{n}.example")).collect::<Value>()}), "allowed_origins"),
        ];
        // ru_reg_scheme and ru_reg_http: loopback may be plain, everything else is https.
        for uri in BAD_URIS.into_iter().chain([long.as_str()]) {
            let twice = ["https://app.example/cb", uri];
            faults.push((json!({"redirect_uris": twice}), "redirect_uris/1"));
            faults.push((json!({"post_logout_redirect_uris": twice}), "post_logout_redirect_uris/1"));
            // The last of them is bad only beside itself.
            if uri != twice[0] {
                faults.push((json!({"backchannel_logout_uri": uri}), "backchannel_logout_uri"));
                faults.push((json!({"jwks_uri": uri}), "jwks_uri"));
            }
        }
        for origin in BAD_ORIGINS {
            faults.push((json!({"allowed_origins": ["https://app.example", origin]}), "allowed_origins/1"));
        }
        for (attributes, place) in faults {
            // A control character is found before the rules of the attribute are asked: another code, the same place.
            let mut whole = json!({"name": "New"});
            whole.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
            assert_eq!(
                admin.post("clients", &client(whole)).await.is(422).places(),
                [at(place)],
                "create {attributes}"
            );
            let changed =
                admin.patch(&format!("clients/{id}"), &change("client", &id, attributes.clone())).await.is(422);
            assert_eq!(changed.places(), [at(place)], "update {attributes}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn every_rule_of_a_registration_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let before = database.dump().await;
        for (attributes, place) in [
            (json!({}), "name"),
            (json!({"name": null}), "name"),
            (json!({"name": "x", "client_type": "secret"}), "client_type"),
            (json!({"name": "x", "first_party": 1}), "first_party"),
            (json!({"name": "x", "client_type": "public", "grant_types": ["client_credentials"]}), "grant_types/0"),
            (json!({"name": "x", "client_type": "public", "require_pkce": false}), "require_pkce"),
            (json!({"name": "x", "token_endpoint_auth_method": "none"}), "token_endpoint_auth_method"),
            (json!({"name": "x", "active": true}), "active"),
        ] {
            assert_eq!(
                admin.post("clients", &client(attributes.clone())).await.is(422).places(),
                [at(place)],
                "{attributes}"
            );
        }
        let user = document("client", json!({"name": "x"}), &[("user", "user", &nobody())]);
        assert_eq!(admin.post("clients", &user).await.is(422).places(), ["/data/relationships/user"]);
        assert_eq!(database.dump().await, before);
    }

    /// Refresh tokens are rotated for every client: there is no attribute to switch that off.
    async fn rt_public_required_rotation_cannot_be_switched_off(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for client_type in ["public", "confidential"] {
            let id = admin.register(json!({"name": "App", "client_type": client_type}), None).await.id;
            let before = database.dump().await;
            for (name, value) in [
                ("refresh_token_rotation", json!(false)),
                ("rotate_refresh_tokens", json!(false)),
                ("refresh_grace", json!(60)),
            ] {
                let off = json!({"name": "Off", "client_type": client_type, name: value});
                assert_eq!(admin.post("clients", &client(off)).await.is(422).places(), [at(name)]);
                let off = change("client", &id, json!({name: value}));
                assert_eq!(admin.patch(&format!("clients/{id}"), &off).await.is(422).places(), [at(name)]);
            }
            assert_eq!(database.dump().await, before);
        }
    }

    /// An app on a device is called by a scheme of its own; a confidential client is at an address (RFC 8252 section 7.1).
    async fn ru_reg_scheme_a_public_client_may_have_a_scheme_of_its_own(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let uris = json!(["com.example.app:/cb?a=b", "https://app.example/cb"]);
        let native = json!({"name": "App", "client_type": "public", "redirect_uris": uris, "post_logout_redirect_uris": uris});
        let made = admin.post("clients", &client(native)).await.is(201);
        assert_eq!((made.attribute("redirect_uris"), made.attribute("post_logout_redirect_uris")), (uris.clone(), uris.clone()));
        let renamed = json!(["com.example.other:/cb"]);
        let change_to = |id: &str, uris: &Value| change("client", id, json!({"redirect_uris": uris}));
        admin.patch(&format!("clients/{}", made.id()), &change_to(&made.id(), &renamed)).await.is(200);
        let id = admin.register(json!({"name": "Backend"}), None).await.id;
        let before = database.dump().await;
        for attributes in [
            json!({"name": "x", "redirect_uris": uris}),
            json!({"name": "x", "post_logout_redirect_uris": uris}),
        ] {
            let place = attributes.as_object().unwrap().keys().find(|name| *name != "name").unwrap().clone();
            let refused = admin.post("clients", &client(attributes)).await.is(422);
            assert_eq!(refused.places(), [at(&format!("{place}/0"))]);
        }
        let refused = admin.patch(&format!("clients/{id}"), &change_to(&id, &uris)).await.is(422);
        assert_eq!(refused.places(), [at("redirect_uris/0")]);
        let public = json!({"name": "x", "client_type": "public"});
        for (name, value) in [
            ("redirect_uris", json!(["javascript:/a.b"])),
            ("redirect_uris", json!(["app:/cb"])),
            ("redirect_uris", json!(["com.example.app://bank.example/cb"])),
            ("backchannel_logout_uri", json!("com.example.app:/cb")),
        ] {
            let mut attributes = public.clone();
            attributes[name] = value.clone();
            let place = if value.is_array() { format!("{name}/0") } else { name.to_owned() };
            assert_eq!(admin.post("clients", &client(attributes)).await.is(422).places(), [at(&place)], "{value}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn a_public_client_stays_within_its_limits_when_it_is_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.register(json!({"name": "App", "client_type": "public"}), None).await.id;
        let before = database.dump().await;
        for (attributes, place) in [
            (json!({"require_pkce": false}), "require_pkce"),
            (json!({"grant_types": ["authorization_code", "client_credentials"]}), "grant_types/1"),
        ] {
            let reply = admin.patch(&format!("clients/{id}"), &change("client", &id, attributes)).await.is(422);
            assert_eq!(reply.places(), [at(place)]);
        }
        assert_eq!(database.dump().await, before);
    }

    async fn what_a_client_is_cannot_be_changed_afterwards(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.register(machine("Backend"), None).await;
        let jane = admin.user("jane@example.com").await;
        let (id, path) = (machine.id.as_str(), format!("clients/{}", machine.id));
        let before = database.dump().await;
        for (name, value) in [
            ("client_type", json!("public")),
            ("client_type", json!("confidential")),
            ("first_party", json!(true)),
            ("client_id", json!("mine")),
            ("client_secret", json!("pay_cs_mine")),
            ("secret_hash", json!("00")),
            ("token_endpoint_auth_method", json!("none")),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("generation", json!(7)),
        ] {
            let reply = admin.patch(&path, &change("client", id, json!({name: value}))).await.is(422);
            assert_eq!(reply.places(), [at(name)], "{name}");
        }
        let mut move_to_jane = change("client", id, json!({}));
        move_to_jane["data"]["relationships"] = json!({"user": {"data": {"type": "user", "id": jane}}});
        assert_eq!(admin.patch(&path, &move_to_jane).await.is(422).places(), ["/data/relationships/user"]);
        assert_eq!(database.dump().await, before);
    }

    async fn a_machine_has_a_service_user_of_its_own_that_goes_with_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.register(machine("Backend"), None).await;
        let service = machine.user.clone().unwrap();
        assert_ne!(machine.credentials.0, service, "a client_id is never a user's id");
        assert!(machine.credentials.0.parse::<paylent_domain::Id<()>>().is_err(), "it does not even look like one");
        let path = format!("clients/{}", machine.id);
        assert_eq!(admin.get(&format!("{path}/user")).await.is(200).id(), service);
        let linkage = admin.get(&format!("{path}/relationships/user")).await.is(200).json();
        assert_eq!(linkage["data"], json!({"type": "user", "id": service}));
        let users = database.count("users").await;
        admin.delete(&path).await.is(200);
        assert_eq!(database.count("users").await, users - 1);
        admin.get(&format!("users/{service}")).await.is_error(404, "");
    }

    async fn a_client_without_client_credentials_acts_for_nobody_until_it_gains_them(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let shop = admin.register(json!({"name": "Shop"}), None).await;
        let path = format!("clients/{}", shop.id);
        assert_eq!(admin.get(&format!("{path}/user")).await.is(200).json()["data"], Value::Null);
        let both = json!({"grant_types": ["authorization_code", "client_credentials"]});
        let changed = admin.patch(&path, &change("client", &shop.id, both.clone())).await.is(200);
        let user = changed.json()["data"]["relationships"]["user"]["data"]["id"].as_str().unwrap().to_owned();
        assert_eq!(admin.get(&format!("users/{user}")).await.is(200).attribute("kind"), "service");
        let again = admin.patch(&path, &change("client", &shop.id, both)).await.is(200);
        assert_eq!(again.json()["data"]["relationships"]["user"]["data"]["id"], user, "it keeps the one it has");
        let form = [("grant_type", "client_credentials")];
        server.oauth(&server.acme, "/oauth/token", &shop.credentials, &form).await.is(200);
        admin.delete(&path).await.is(200);
        admin.get(&format!("users/{user}")).await.is_error(404, "");
    }

    /// A service user that several clients share stays until the last of them is gone, also when they go at once.
    async fn a_shared_service_user_goes_with_its_last_client(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for _ in 0..3 {
            let first = admin.register(machine("First"), None).await;
            let service = first.user.clone().unwrap();
            let second = admin.register(machine("Second"), Some(&service)).await;
            let third = admin.register(machine("Third"), Some(&service)).await;
            assert_eq!(second.user.as_deref(), Some(service.as_str()));
            admin.delete(&format!("clients/{}", first.id)).await.is(200);
            admin.get(&format!("users/{service}")).await.is(200);
            let (second, third) = (format!("clients/{}", second.id), format!("clients/{}", third.id));
            let (one, two) = tokio::join!(admin.delete(&second), admin.delete(&third));
            assert_eq!((one.status, two.status), (200, 200), "{} {}", one.text, two.text);
            admin.get(&format!("users/{service}")).await.is_error(404, "");
        }
    }
}
