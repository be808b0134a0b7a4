//! How many statements each operation sends to the database, `BEGIN` and `COMMIT` included, once keys and hosts are
//! known to the process. The numbers are part of what was promised (docs/PERFORMANCE.md): to change one is a decision.

use paylent_domain::client::{ClientType, TokenFormat};
use paylent_storage::NewClient;
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{browser::*, *};

impl TestServer {
    /// How many statements the server sends while this is done, for the second time.
    async fn statements<T>(&self, work: impl AsyncFn() -> T) -> (u64, T) {
        work().await;
        let before = self.db.statements();
        let outcome = work().await;
        (self.db.statements() - before, outcome)
    }
}

both! {
    /// A signed token: one read, no write. An opaque one: the same read, and the row of the token.
    async fn a_token_takes_one_read_and_an_opaque_one_a_write(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.machine(None).await;
        let ask = async || server.token(&server.acme, &machine.credentials, &[]).await;
        assert_eq!(server.statements(ask).await.0, 1, "a signed token");
        let opaque = change("client", &machine.id, json!({"token_format": "opaque"}));
        admin.patch(&format!("clients/{}", machine.id), &opaque).await.is(200);
        assert_eq!(server.statements(ask).await.0, 2, "an opaque token");
        let wrong = (machine.credentials.0.clone(), "pay_cs_wrong".to_owned());
        let form = [("grant_type", "client_credentials")];
        let refused = server.statements(async || server.oauth(&server.acme, "/oauth/token", &wrong, &form).await).await;
        assert!(refused.0 <= 1 && refused.1.status == 401, "a wrong secret: {}", refused.0);
    }

    /// One to know who asks, one to know how the token stands; one more to revoke it.
    async fn introspection_takes_two_and_revocation_three(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.machine(None).await;
        for format in ["jwt", "opaque"] {
            let set = change("client", &machine.id, json!({"token_format": format}));
            admin.patch(&format!("clients/{}", machine.id), &set).await.is(200);
            let tokens = [
                server.token(&server.acme, &machine.credentials, &[]).await,
                server.token(&server.acme, &machine.credentials, &[]).await,
            ];
            let at = async |path: &str, token: &str| {
                server.oauth(&server.acme, path, &machine.credentials, &[("token", token)]).await.is(200)
            };
            let (count, reply) = server.statements(async || at("/oauth/introspect", &tokens[0]).await).await;
            assert_eq!((count, &reply.json()["active"]), (2, &json!(true)), "{format}");
            at("/oauth/revoke", &tokens[0]).await;
            let before = server.db.statements();
            at("/oauth/revoke", &tokens[1]).await;
            assert_eq!(server.db.statements() - before, 3, "{format}");
        }
    }

    /// One read, and one unit of work that begins once and ends once.
    async fn a_code_a_refresh_and_userinfo_take_what_was_promised(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        for (format, row) in [(TokenFormat::Jwt, 0), (TokenFormat::Opaque, 1)] {
            let change = |client: &mut NewClient| client.token_format = format;
            let client = application_with(&server.acme, ClientType::Confidential, change).await;
            let browser = Browser::new(&server);
            browser.tokens(&client).await;
            let code = browser.code(&client).await;
            let before = server.db.statements();
            let tokens = browser.redeem(&client, &code).await.is(200).json();
            let of_code = server.db.statements() - before;
            assert_eq!(of_code, 7 + row, "and BEGIN, the session, the code, the family, the refresh token, COMMIT");
            let before = server.db.statements();
            let tokens = browser.refresh(&client, text(&tokens, "refresh_token")).await.is(200).json();
            let of_refresh = server.db.statements() - before;
            assert_eq!(of_refresh, 6 + row, "and BEGIN, the family, the token, its successor, COMMIT");
            let ask = async || browser.userinfo(text(&tokens, "access_token")).await.is(200);
            assert_eq!(server.statements(ask).await.0, 2, "how the token stands, and the person");
        }
    }

    async fn discovery_takes_none(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        server.admin_token(&server.acme).await;
        for document in ["jwks.json", "openid-configuration", "oauth-authorization-server"] {
            let get = async || {
                Reply::of(server.request(&server.acme, Method::GET, &format!("/.well-known/{document}"))).await.is(200)
            };
            assert_eq!(server.statements(get).await.0, 0, "{document}");
        }
    }

    /// Every call of the API: the token's standing, and what its user may do.
    async fn the_management_api_takes_two_and_its_work(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let count = async |path: &str| server.statements(async || admin.get(path).await.is(200)).await.0;
        assert_eq!(count("users").await, 3, "and the page");
        let one = count("users?page[size]=1").await;
        for number in 0..40 {
            server.acme.person(&format!("user{number}@example.com")).await;
        }
        assert_eq!((count("users?page[size]=100").await, one), (3, 3), "however many rows there are");
        assert_eq!(count("users?page[count]=true").await, 4, "and the page, and the count");
        let me = server.acme.seeded.service_user;
        assert_eq!(count(&format!("users/{me}")).await, 3, "and the row");
        for list in ["clients", "roles", "user-roles", "client-grants", "resource-servers", "signing-keys"] {
            assert_eq!(count(list).await, 3, "{list}");
        }
        let before = server.db.statements();
        let id = admin.user("jane@example.com").await;
        assert_eq!(server.db.statements() - before, 7, "and the rule for passwords, BEGIN, the user, the trail, COMMIT");
        let rename = change("user", &id, json!({"first_name": "Jane"}));
        let rename = server.statements(async || admin.patch(&format!("users/{id}"), &rename).await.is(200)).await;
        assert_eq!(rename.0, 8, "and the row, BEGIN, the lock, the change, the trail, COMMIT");
        let refused = server.statements(async || server.anonymous(&server.acme).get("users").await.is(401)).await;
        assert_eq!(refused.0, 0, "nobody costs nothing");
    }

    /// A sign-in counts the attempt before the password is compared, and does the rest in one unit of work.
    async fn a_sign_in_counts_its_attempt_first_and_does_the_rest_in_one_unit(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let sign_in = async |browser: &Browser<'_>, password: &str| {
            let page = browser.authorize(&client, &[("prompt", "login")]).await.is(200);
            let before = server.db.statements();
            let status = browser.sign_in(&page, EMAIL, password).await.status;
            (status, server.db.statements() - before)
        };
        sign_in(&Browser::new(&server), PASSWORD).await;
        let browser = Browser::new(&server);
        assert_eq!(sign_in(&browser, "wrong password").await, (401, 6), "a stranger's mistake");
        assert_eq!(sign_in(&browser, PASSWORD).await, (200, 20), "a stranger");
        server.clock.advance_seconds(1);
        browser.set_cookie(SESSION, "");
        assert_eq!(sign_in(&browser, "wrong password").await, (401, 3), "a mistake in a browser that is known");
        assert_eq!(sign_in(&browser, PASSWORD).await, (200, 16), "a browser that is known");
    }
}
