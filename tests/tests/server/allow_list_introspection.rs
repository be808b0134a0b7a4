//! Allow lists at APIs of others: introspection with the caller's address. Catalogue section A18, decision 23.

use paylent_tests::both;

use crate::support::{applications::*, *};

const DEAD: &str = r#"{"active":false}"#;

/// An application for an API of somebody else, and the API's own client, which may introspect.
async fn scene(server: &TestServer) -> (Owned, (String, String)) {
    let api = server.acme.add_api("https://api.example", &["documents:read"]).await;
    let application = server.acme.owned(|new| {
        new.resource_server_id = api;
        new.permissions = ["documents:read".to_owned()].into_iter().collect();
    });
    let application = application.await;
    let asking = server.acme.add_client(|_| ()).await;
    let admin = server.admin(&server.acme).await;
    let links = linkage("client", &[&asking.id.to_string()]);
    admin.post(&format!("resource-servers/{api}/relationships/introspection_clients"), &links).await.is(200);
    (application, asking.credentials)
}

both! {
    async fn ip_introspect_and_in_noside_the_address_of_the_caller_counts_and_not_the_apis(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        let (application, api) = scene(&server).await;
        let listed = server.seen_from(LISTED);
        let token = listed.static_token(&application).await;
        // The API is nowhere on the list, and it need not be.
        let plain = server.introspect(&server.acme, &api, &token).await;
        let good = server.introspect_from(&api, &token, LISTED).await;
        assert_eq!((plain.json()["active"].clone(), plain.text), (true.into(), good.text));
        assert_eq!(consequences(&database).await, [0; 4]);
        let refused = server.introspect_from(&api, &token, "203.0.113.9").await;
        assert_eq!((refused.status, refused.text.as_str()), (200, DEAD));
        for node in [&beside, &server] {
            assert_eq!(node.introspect_from(&api, &token, LISTED).await.text, DEAD);
            assert_eq!(node.introspect(&server.acme, &api, &token).await.text, DEAD);
        }
        assert_eq!(server.introspect_from(&api, &token, "203.0.113.9").await.text, DEAD);
        assert_eq!(consequences(&database).await, [1, 0, 0, 1]);
        let seen = database.values("SELECT ip FROM audit_events WHERE action = 'application.token_revoked'").await;
        assert_eq!(seen, ["203.0.113.9"]);
    }

    /// An API of somebody else has to know in whose name an application calls.
    async fn in_shape_a_static_token_says_whose_the_application_is(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (application, api) = scene(&server).await;
        let token = server.seen_from(LISTED).static_token(&application).await;
        let (own, id) = (&application.client.credentials, application.organization.to_string());
        for told in [server.introspect(&server.acme, &api, &token).await, server.introspect(&server.acme, own, &token).await] {
            let told = told.is(200).json();
            assert_eq!((&told["active"], &told["org_id"]), (&true.into(), &id.clone().into()));
            assert_eq!((told.get("org_roles"), told.get("org_permissions")), (None, None), "nobody is a member");
        }
    }

    /// A mapped address is that of IPv4, whoever sends it.
    async fn ip_mapped_the_address_may_come_in_any_form(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (application, api) = scene(&server).await;
        let token = server.seen_from(LISTED).static_token(&application).await;
        for form in [LISTED, "::ffff:127.0.0.7", "::FFFF:7f00:7", "0:0:0:0:0:ffff:127.0.0.7"] {
            assert_eq!(server.introspect_from(&api, &token, form).await.json()["active"], true, "{form}");
        }
        assert_eq!(server.introspect_from(&api, &token, "::127.0.0.7").await.text, DEAD);
    }

    async fn ip_introspect_what_is_no_address_is_400(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (application, api) = scene(&server).await;
        let token = server.seen_from(LISTED).static_token(&application).await;
        let before = database.dump().await;
        for bad in [
            "", "localhost", "127.0.0.7:80", "127.0.0.7/32", " 127.0.0.7", "010.0.0.1", "fe80::1%1", "[::1]", "127.0.0.7,203.0.113.9"] {
            server.introspect_from(&api, &token, bad).await.is_oauth_error(400, "invalid_request");
        }
        let twice = [("token", token.as_str()), ("client_ip", LISTED), ("client_ip", FOREIGN)];
        server.oauth(&server.acme, "/oauth/introspect", &api, &twice).await.is_oauth_error(400, "invalid_request");
        assert_eq!(database.dump().await, before);
    }

    /// Only who may see a token learns of it, or brings about its end.
    async fn ip_introspect_who_may_not_see_a_token_revokes_none(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (application, api) = scene(&server).await;
        let token = server.seen_from(LISTED).static_token(&application).await;
        let stranger = server.acme.add_client(|_| ()).await.credentials;
        let wrong = (api.0.clone(), "pay_cs_wrong".to_owned());
        let before = database.dump().await;
        assert_eq!(server.introspect_from(&stranger, &token, "203.0.113.9").await.text, DEAD);
        server.introspect_from(&wrong, &token, "203.0.113.9").await.is_oauth_error(401, "invalid_client");
        assert_eq!(database.dump().await, before);
        assert_eq!(server.introspect_from(&api, &token, LISTED).await.json()["active"], true);
        // Its own application may see it, from anywhere.
        let own = server.introspect_from(&application.client.credentials, &token, "203.0.113.9").await;
        assert_eq!(own.text, DEAD);
        assert_eq!(consequences(&database).await, [1, 0, 0, 1]);
    }

    /// A token without a list may be used from any address that is told.
    async fn ip_introspect_other_tokens_do_not_mind(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let machine = server.acme.machine();
        let token = server.admin_token(&server.acme).await;
        for ip in [LISTED, "203.0.113.9", "::"] {
            assert_eq!(server.introspect_from(&machine, &token, ip).await.json()["active"], true);
        }
    }
}
