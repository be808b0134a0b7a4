//! Acting for an organization, from the authorization request to the end of the membership. Catalogue section A14.

use paylent_domain::client::{ClientType, OrganizationUsage, TokenFormat};
use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::{Caller, Reply, TestServer, browser::*, document, oauth::Registered};

/// Ada as a member of a new organization, with a role there: the ids of organization, membership and assignment.
async fn join(admin: &Caller<'_>, ada: &str, name: &str, permissions: &[&str]) -> [String; 3] {
    let organization = admin.organization(name).await;
    let membership = admin.member(ada, &organization).await;
    let role = admin.tenant.role(&format!("lead of {name}"), permissions).await;
    let assignment = admin.give_there(&membership, &role).await;
    [organization, membership, assignment]
}

async fn introspect(browser: &Browser<'_>, client: &Registered, token: &str) -> Value {
    Reply::of(browser.ask(client, "/oauth/introspect", &[("token", token)])).await.is(200).json()
}

both! {
    async fn or_member_remove_tokens_of_a_member_die_with_the_membership(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let ada = person(&server.acme, EMAIL).await;
        let admin = server.admin(&server.acme).await;
        for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
            let client = application_with(&server.acme, ClientType::Confidential, |client| {
                client.token_format = format;
            })
            .await;
            let [acme, membership, assignment] = join(&admin, &ada, &format!("Acme {format:?}"), &["roles:read"]).await;
            let browser = Browser::new(&server);
            let code = browser.code_for(&client, &[("organization", &acme)]).await;
            let tokens = browser.redeem(&client, &code).await.is(200).json();
            let (access, refresh) = (text(&tokens, "access_token").to_owned(), text(&tokens, "refresh_token"));
            assert_eq!(claims(&tokens["id_token"])["org_id"], json!(acme));
            assert_eq!(browser.userinfo(&access).await.is(200).json()["org_id"], json!(acme));
            let told = introspect(&browser, &client, &access).await;
            assert_eq!((&told["org_id"], &told["org_permissions"]), (&json!(acme), &json!(["roles:read"])));
            if format == TokenFormat::Jwt {
                let claims = claims(&tokens["access_token"]);
                assert_eq!((&claims["org_id"], &claims["org_permissions"]), (&json!(acme), &json!(["roles:read"])));
            }

            admin.delete(&format!("membership-roles/{assignment}")).await.is(200);
            assert_eq!(introspect(&browser, &client, &access).await["org_permissions"], json!([]));
            let tokens = browser.refresh(&client, refresh).await.is(200).json();
            let (access, refresh) = (text(&tokens, "access_token").to_owned(), text(&tokens, "refresh_token"));
            let told = introspect(&browser, &client, &access).await;
            assert_eq!((&told["org_id"], &told["org_roles"]), (&json!(acme), &json!([])));

            let unused = browser.code_for(&client, &[("organization", &acme)]).await;
            let own = browser.tokens(&client).await;
            admin.delete(&format!("memberships/{membership}")).await.is(200);
            assert!(!browser.is_active(&client, &access).await);
            assert_eq!(browser.userinfo(&access).await.status, 401);
            browser.refresh(&client, refresh).await.is_oauth_error(400, "invalid_grant");
            browser.redeem(&client, &unused).await.is_oauth_error(400, "invalid_grant");
            assert!(browser.is_active(&client, text(&own, "access_token")).await);
            let again = browser.authorize(&client, &[("organization", &acme)]).await;
            is_returned(&server, &again, "access_denied");
        }
    }

    async fn or_member_remove_tokens_die_with_the_organization_whether_named_by_id_or_slug(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = application(&server.acme, ClientType::Confidential).await;
        let ada = person(&server.acme, EMAIL).await;
        let admin = server.admin(&server.acme).await;
        let browser = Browser::new(&server);
        for slug in [None, Some("acme-works")] {
            let organization = document("organization", json!({"name": "Acme", "slug": slug}), &[]);
            let acme = admin.post("organizations", &organization).await.is(201).id();
            admin.member(&ada, &acme).await;
            let code = browser.code_for(&client, &[("organization", slug.unwrap_or(&acme))]).await;
            let tokens = browser.redeem(&client, &code).await.is(200).json();
            assert_eq!(claims(&tokens["id_token"])["org_id"], json!(acme), "{slug:?}");
            admin.delete(&format!("organizations/{acme}")).await.is(200);
            assert!(!browser.is_active(&client, text(&tokens, "access_token")).await);
            browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        }
    }

    async fn a_person_chooses_the_organization_on_a_page(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = application_with(&server.acme, ClientType::Confidential, |client| {
            client.organization_usage = OrganizationUsage::Optional;
        })
        .await;
        let ada = person(&server.acme, EMAIL).await;
        let admin = server.admin(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let [acme, ..] = join(&admin, &ada, "Acme <b>", &[]).await;
        join(&admin, &ada, "Bakery", &[]).await;
        let page = browser.authorize(&client, &[]).await;
        is_page(&page, 200);
        assert!(page.text.contains("Bakery") && !page.text.contains("<b>") && page.text.contains("Continue as yourself"));
        let (handle, csrf) = (hidden(&page, "handle"), hidden(&page, "csrf"));
        let choose = async |organization: &str| {
            browser.post("/organization", &[("handle", &handle), ("csrf", &csrf), ("organization", organization)]).await
        };
        is_page(&choose(&crate::support::nobody()).await, 200);
        let answer = parameters(&choose(&acme).await);
        let tokens = browser.redeem(&client, &answer["code"]).await.is(200).json();
        assert_eq!(introspect(&browser, &client, text(&tokens, "access_token")).await["org_id"], json!(acme));
        is_page(&choose("").await, 409);
        is_returned(&server, &browser.authorize(&client, &[("prompt", "none")]).await, "interaction_required");
        let named = browser.authorize(&client, &[("prompt", "none"), ("organization", "no-such")]).await;
        is_returned(&server, &named, "access_denied");
    }
}
