//! What is taken away is gone from the very next request with a token that was given before, whichever server it
//! reaches.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

/// Somebody who may do one thing, and what they have it from.
struct Holder<'a> {
    caller: Caller<'a>,
    user: String,
    client: String,
    role: String,
    /// The role's permission.
    holding: String,
    /// The user's role.
    assignment: String,
}

/// A person who may read users, because of one role, and the machine that acts for this person.
async fn holder<'a>(server: &'a TestServer, admin: &Caller<'_>, format: &str) -> Holder<'a> {
    let name = nobody();
    let user = admin.user(&format!("{name}@example.com")).await;
    let role = server.acme.role(&name, &["users:read"]).await;
    let holding = admin.only(&format!("role-permissions?filter[role]={role}")).await;
    let assignment = server.acme.give(&user, &role).await;
    let machine = admin.machine(Some(&user)).await;
    let set = change("client", &machine.id, json!({"token_format": format}));
    admin.patch(&format!("clients/{}", machine.id), &set).await.is(200);
    let token = server.token(&server.acme, &machine.credentials, &[]).await;
    Holder { caller: server.bearer(&server.acme, &token), user, client: machine.id, role, holding, assignment }
}

impl Holder<'_> {
    /// Everything that ends the right: a request, and what the next request with the token is answered.
    fn ends(&self) -> [(Method, String, Option<Value>, u16); 9] {
        let (user, client) = (format!("users/{}", self.user), format!("clients/{}", self.client));
        let roles = format!("{user}/relationships/roles");
        let permissions = format!("roles/{}/relationships/permissions", self.role);
        let off = |kind: &str, id: &str| Some(change(kind, id, json!({"active": false})));
        [
            (Method::DELETE, format!("user-roles/{}", self.assignment), None, 403),
            (Method::DELETE, roles.clone(), Some(linkage("role", &[&self.role])), 403),
            (Method::PATCH, roles, Some(linkage("role", &[])), 403),
            (Method::DELETE, format!("role-permissions/{}", self.holding), None, 403),
            (Method::PATCH, permissions, Some(linkage("permission", &[])), 403),
            (Method::DELETE, format!("roles/{}", self.role), None, 403),
            (Method::PATCH, user, off("user", &self.user), 401),
            (Method::PATCH, client.clone(), off("client", &self.client), 401),
            (Method::DELETE, client, None, 401),
        ]
    }
}

impl Caller<'_> {
    /// Sends a request that must succeed.
    async fn does(&self, method: &Method, path: &str, body: Option<&Value>) {
        let reply = match body {
            Some(body) => self.send(method.clone(), path, body).await,
            None => Reply::of(self.request(method.clone(), path)).await,
        };
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
    }
}

both! {
    async fn rb_immediate_and_rb_deactivated_what_ends_a_right_ends_it_at_every_server(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        for format in ["jwt", "opaque"] {
            for way in 0..9 {
                let holder = holder(&server, &admin, format).await;
                let there = holder.caller.at(&node);
                there.get("users").await.is(200);
                holder.caller.get("users").await.is(200);
                let (method, path, body, expected) = &holder.ends()[way];
                admin.does(method, path, body.as_ref()).await;
                for caller in [&there, &holder.caller] {
                    let refused = caller.get("users").await;
                    assert_eq!(refused.status, *expected, "{format} {method} {path}: {}", refused.text);
                    let code = if *expected == 401 { "invalid_token" } else { "forbidden" };
                    assert_eq!(refused.error().1, code, "{format} {method} {path}");
                }
            }
        }
    }

    /// The same for what a membership gives; with the membership go its roles.
    async fn rb_immediate_and_or_member_remove_what_ends_a_membership_ends_its_rights_at_every_server(
        database: TestDatabase
    ) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        for way in 0..5 {
            let organization = admin.organization("Shop").await;
            let member = server.member_with(&admin, &organization, &["memberships:read"]).await;
            let there = member.caller.at(&node);
            assert_eq!(there.get("memberships").await.is(200).ids(), [member.membership.as_str()]);
            let permissions = format!("roles/{}/relationships/permissions", member.role);
            let (method, path, body) = [
                (Method::DELETE, format!("membership-roles/{}", member.assignment), None),
                (Method::DELETE, format!("memberships/{}", member.membership), None),
                (Method::DELETE, format!("organizations/{organization}"), None),
                (Method::DELETE, format!("roles/{}", member.role), None),
                (Method::PATCH, permissions, Some(linkage("permission", &[]))),
            ][way].clone();
            admin.does(&method, &path, body.as_ref()).await;
            for caller in [&there, &member.caller] {
                let refused = caller.get("memberships").await;
                assert_eq!((refused.status, refused.error().1.as_str()), (403, "forbidden"), "{method} {path}");
            }
            // To be a member again gives nothing back.
            if way == 1 {
                admin.member(&member.user, &organization).await;
                there.get("memberships").await.is(403);
            }
        }
    }

    /// What a client may have of a resource server, when it shrinks, ends the tokens that the client has at every server.
    async fn rb_deactivated_what_a_grant_loses_ends_the_tokens_it_gave(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        for format in ["jwt", "opaque"] {
            let machine = admin.machine(None).await;
            let set = change("client", &machine.id, json!({"token_format": format}));
            admin.patch(&format!("clients/{}", machine.id), &set).await.is(200);
            let token = async || node.token(&node.acme, &machine.credentials, &[]).await;
            // Without a right of its own a token that lives is told 403, and one that is dead 401.
            let answers = async |token: &str, status: u16| {
                for there in [&server, &node] {
                    there.bearer(&server.acme, token).get("users").await.is(status);
                }
            };
            let mut held = token().await;
            answers(&held, 403).await;
            let grant = admin.only(&format!("client-grants?filter[client]={}", machine.id)).await;
            let allow = async |scopes: Value| {
                let allowed = change("client_grant", &grant, json!({"allowed_scopes": scopes}));
                admin.patch(&format!("client-grants/{grant}"), &allowed).await.is(200);
            };
            for narrower in [json!(["users:read", "roles:read"]), json!(["users:read"]), json!([])] {
                allow(narrower).await;
                answers(&held, 401).await;
                held = token().await;
                answers(&held, 403).await;
            }
            for wider in [json!([]), json!(["users:read"]), json!(["roles:read", "users:read"]), Value::Null] {
                allow(wider).await;
                answers(&held, 403).await;
            }
            admin.delete(&format!("client-grants/{grant}")).await.is(200);
            answers(&held, 401).await;
            let form = [("grant_type", "client_credentials"), ("resource", &*node.acme.api())];
            let asked = node.oauth(&node.acme, "/oauth/token", &machine.credentials, &form).await;
            asked.is_oauth_error(400, "invalid_target");
        }
    }

    /// With a resource server go the tokens for it, and no others' but those of clients that had any.
    async fn rb_deactivated_a_resource_server_that_is_gone_ends_the_tokens_for_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let attributes = json!({"name": "Docs", "identifier": "https://docs.example", "scopes": ["read"]});
        let docs = admin.create("resource-servers", "resource_server", attributes, &[]).await;
        let (with, without) = (admin.machine(None).await, admin.machine(None).await);
        admin.grant(&with.id, &docs, Value::Null).await;
        let is_active = async |token: &str, client: &Machine| {
            let reply = node.oauth(&node.acme, "/oauth/introspect", &client.credentials, &[("token", token)]).await;
            reply.is(200).json()["active"] == true
        };
        let form = [("grant_type", "client_credentials"), ("resource", "https://docs.example")];
        let given = server.oauth(&server.acme, "/oauth/token", &with.credentials, &form).await.is(200);
        let given = given.json()["access_token"].as_str().unwrap().to_owned();
        let other = server.token(&server.acme, &without.credentials, &[]).await;
        assert!(is_active(&given, &with).await);
        admin.delete(&format!("resource-servers/{docs}")).await.is(200);
        assert!(!is_active(&given, &with).await);
        assert!(is_active(&other, &without).await);
    }
}
