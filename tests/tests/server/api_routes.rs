//! Every route and the right it takes, written down a second time, and asked of the server.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use paylent_domain::permission::{name_of, system_permissions};
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{forge::Forge, *};

/// Method, path, permission, and what else the user must be allowed to do: to read what hangs on a resource takes the
/// right to read the tie and the other end, and to replace a relationship the rights to make and to break ties.
#[rustfmt::skip]
const ROUTES: [(&str, &str, &str, Option<&str>); 163] = [
    ("GET",    "/users",                                                      "users:read",                None),
    ("POST",   "/users",                                                      "users:create",              None),
    ("GET",    "/users/{id}",                                                 "users:read",                None),
    ("PATCH",  "/users/{id}",                                                 "users:update",              None),
    ("DELETE", "/users/{id}",                                                 "users:delete",              None),
    ("GET",    "/users/{id}/relationships/roles",                             "user-roles:read",           Some("roles:read")),
    ("POST",   "/users/{id}/relationships/roles",                             "user-roles:create",         None),
    ("PATCH",  "/users/{id}/relationships/roles",                             "user-roles:create",         Some("user-roles:delete")),
    ("DELETE", "/users/{id}/relationships/roles",                             "user-roles:delete",         None),
    ("GET",    "/users/{id}/roles",                                           "user-roles:read",           Some("roles:read")),
    ("GET",    "/sessions",                                                   "sessions:read",             None),
    ("POST",   "/sessions",                                                   "sessions:create",           None),
    ("GET",    "/sessions/{id}",                                              "sessions:read",             None),
    ("PATCH",  "/sessions/{id}/touch",                                        "sessions:update",           None),
    ("PATCH",  "/sessions/{id}/revoke",                                       "sessions:update",           None),
    ("DELETE", "/sessions/{id}",                                              "sessions:delete",           None),
    ("GET",    "/sessions/{id}/relationships/user",                           "sessions:read",             None),
    ("GET",    "/sessions/{id}/user",                                         "sessions:read",             Some("users:read")),
    ("GET",    "/roles",                                                      "roles:read",                None),
    ("POST",   "/roles",                                                      "roles:create",              None),
    ("GET",    "/roles/{id}",                                                 "roles:read",                None),
    ("PATCH",  "/roles/{id}",                                                 "roles:update",              None),
    ("DELETE", "/roles/{id}",                                                 "roles:delete",              None),
    ("GET",    "/roles/{id}/relationships/permissions",                       "role-permissions:read",     Some("permissions:read")),
    ("POST",   "/roles/{id}/relationships/permissions",                       "role-permissions:create",   None),
    ("PATCH",  "/roles/{id}/relationships/permissions",                       "role-permissions:create",   Some("role-permissions:delete")),
    ("DELETE", "/roles/{id}/relationships/permissions",                       "role-permissions:delete",   None),
    ("GET",    "/roles/{id}/permissions",                                     "role-permissions:read",     Some("permissions:read")),
    ("GET",    "/roles/{id}/relationships/users",                             "user-roles:read",           Some("users:read")),
    ("GET",    "/roles/{id}/users",                                           "user-roles:read",           Some("users:read")),
    ("GET",    "/permissions",                                                "permissions:read",          None),
    ("POST",   "/permissions",                                                "permissions:create",        None),
    ("GET",    "/permissions/{id}",                                           "permissions:read",          None),
    ("PATCH",  "/permissions/{id}",                                           "permissions:update",        None),
    ("DELETE", "/permissions/{id}",                                           "permissions:delete",        None),
    ("GET",    "/permissions/{id}/relationships/roles",                       "role-permissions:read",     Some("roles:read")),
    ("GET",    "/permissions/{id}/roles",                                     "role-permissions:read",     Some("roles:read")),
    ("GET",    "/role-permissions",                                           "role-permissions:read",     None),
    ("POST",   "/role-permissions",                                           "role-permissions:create",   None),
    ("GET",    "/role-permissions/{id}",                                      "role-permissions:read",     None),
    ("DELETE", "/role-permissions/{id}",                                      "role-permissions:delete",   None),
    ("GET",    "/role-permissions/{id}/relationships/role",                   "role-permissions:read",     None),
    ("GET",    "/role-permissions/{id}/role",                                 "role-permissions:read",     Some("roles:read")),
    ("GET",    "/role-permissions/{id}/relationships/permission",             "role-permissions:read",     None),
    ("GET",    "/role-permissions/{id}/permission",                           "role-permissions:read",     Some("permissions:read")),
    ("GET",    "/user-roles",                                                 "user-roles:read",           None),
    ("POST",   "/user-roles",                                                 "user-roles:create",         None),
    ("GET",    "/user-roles/{id}",                                            "user-roles:read",           None),
    ("DELETE", "/user-roles/{id}",                                            "user-roles:delete",         None),
    ("GET",    "/user-roles/{id}/relationships/user",                         "user-roles:read",           None),
    ("GET",    "/user-roles/{id}/user",                                       "user-roles:read",           Some("users:read")),
    ("GET",    "/user-roles/{id}/relationships/role",                         "user-roles:read",           None),
    ("GET",    "/user-roles/{id}/role",                                       "user-roles:read",           Some("roles:read")),
    ("GET",    "/clients",                                                    "clients:read",              None),
    ("POST",   "/clients",                                                    "clients:create",            None),
    ("GET",    "/clients/{id}",                                               "clients:read",              None),
    ("PATCH",  "/clients/{id}",                                               "clients:update",            None),
    ("PATCH",  "/clients/{id}/rotate-secret",                                 "clients:update",            None),
    ("DELETE", "/clients/{id}",                                               "clients:delete",            None),
    ("GET",    "/clients/{id}/relationships/user",                            "clients:read",              None),
    ("GET",    "/clients/{id}/user",                                          "clients:read",              Some("users:read")),
    ("GET",    "/resource-servers",                                           "resource-servers:read",     None),
    ("POST",   "/resource-servers",                                           "resource-servers:create",   None),
    ("GET",    "/resource-servers/{id}",                                      "resource-servers:read",     None),
    ("PATCH",  "/resource-servers/{id}",                                      "resource-servers:update",   None),
    ("DELETE", "/resource-servers/{id}",                                      "resource-servers:delete",   None),
    ("GET",    "/resource-servers/{id}/relationships/scopes",                 "scopes:read",               None),
    ("GET",    "/resource-servers/{id}/scopes",                               "scopes:read",               None),
    ("GET",    "/resource-servers/{id}/relationships/introspection_clients",  "resource-servers:read",     Some("clients:read")),
    ("POST",   "/resource-servers/{id}/relationships/introspection_clients",  "resource-servers:update",   None),
    ("PATCH",  "/resource-servers/{id}/relationships/introspection_clients",  "resource-servers:update",   None),
    ("DELETE", "/resource-servers/{id}/relationships/introspection_clients",  "resource-servers:update",   None),
    ("GET",    "/resource-servers/{id}/introspection_clients",                "resource-servers:read",     Some("clients:read")),
    ("GET",    "/scopes",                                                     "scopes:read",               None),
    ("POST",   "/scopes",                                                     "scopes:create",             None),
    ("GET",    "/scopes/{id}",                                                "scopes:read",               None),
    ("PATCH",  "/scopes/{id}",                                                "scopes:update",             None),
    ("DELETE", "/scopes/{id}",                                                "scopes:delete",             None),
    ("GET",    "/scopes/{id}/relationships/resource_server",                  "scopes:read",               None),
    ("GET",    "/scopes/{id}/resource_server",                                "scopes:read",               Some("resource-servers:read")),
    ("GET",    "/client-grants",                                              "client-grants:read",        None),
    ("POST",   "/client-grants",                                              "client-grants:create",      None),
    ("GET",    "/client-grants/{id}",                                         "client-grants:read",        None),
    ("PATCH",  "/client-grants/{id}",                                         "client-grants:update",      None),
    ("DELETE", "/client-grants/{id}",                                         "client-grants:delete",      None),
    ("GET",    "/client-grants/{id}/relationships/client",                    "client-grants:read",        None),
    ("GET",    "/client-grants/{id}/client",                                  "client-grants:read",        Some("clients:read")),
    ("GET",    "/client-grants/{id}/relationships/resource_server",           "client-grants:read",        None),
    ("GET",    "/client-grants/{id}/resource_server",                         "client-grants:read",        Some("resource-servers:read")),
    ("GET",    "/signing-keys",                                               "signing-keys:read",         None),
    ("POST",   "/signing-keys",                                               "signing-keys:create",       None),
    ("GET",    "/signing-keys/{id}",                                          "signing-keys:read",         None),
    ("PATCH",  "/signing-keys/{id}/deactivate",                               "signing-keys:update",       None),
    ("PATCH",  "/signing-keys/{id}/set-primary",                              "signing-keys:update",       None),
    ("DELETE", "/signing-keys/{id}",                                          "signing-keys:delete",       None),
    ("GET",    "/organizations",                                              "organizations:read",        None),
    ("POST",   "/organizations",                                              "organizations:create",      None),
    ("GET",    "/organizations/{id}",                                         "organizations:read",        None),
    ("DELETE", "/organizations/{id}",                                         "organizations:delete",      None),
    ("GET",    "/organizations/{id}/relationships/memberships",               "memberships:read",          None),
    ("GET",    "/organizations/{id}/memberships",                             "memberships:read",          None),
    ("GET",    "/memberships",                                                "memberships:read",          None),
    ("POST",   "/memberships",                                                "memberships:create",        None),
    ("GET",    "/memberships/{id}",                                           "memberships:read",          None),
    ("DELETE", "/memberships/{id}",                                           "memberships:delete",        None),
    ("GET",    "/memberships/{id}/relationships/user",                        "memberships:read",          None),
    ("GET",    "/memberships/{id}/user",                                      "memberships:read",          Some("users:read")),
    ("GET",    "/memberships/{id}/relationships/organization",                "memberships:read",          None),
    ("GET",    "/memberships/{id}/organization",                              "memberships:read",          Some("organizations:read")),
    ("GET",    "/memberships/{id}/relationships/roles",                       "membership-roles:read",     Some("roles:read")),
    ("GET",    "/memberships/{id}/roles",                                     "membership-roles:read",     Some("roles:read")),
    ("GET",    "/membership-roles",                                           "membership-roles:read",     None),
    ("POST",   "/membership-roles",                                           "membership-roles:create",   None),
    ("GET",    "/membership-roles/{id}",                                      "membership-roles:read",     None),
    ("DELETE", "/membership-roles/{id}",                                      "membership-roles:delete",   None),
    ("GET",    "/membership-roles/{id}/relationships/membership",             "membership-roles:read",     None),
    ("GET",    "/membership-roles/{id}/membership",                           "membership-roles:read",     Some("memberships:read")),
    ("GET",    "/membership-roles/{id}/relationships/role",                   "membership-roles:read",     None),
    ("GET",    "/membership-roles/{id}/role",                                 "membership-roles:read",     Some("roles:read")),
    ("GET",    "/invitations",                                                "invitations:read",          None),
    ("POST",   "/invitations",                                                "invitations:create",        None),
    ("GET",    "/invitations/{id}",                                           "invitations:read",          None),
    ("PATCH",  "/invitations/{id}/revoke",                                    "invitations:update",        None),
    ("DELETE", "/invitations/{id}",                                           "invitations:delete",        None),
    ("GET",    "/invitations/{id}/relationships/organization",                "invitations:read",          None),
    ("GET",    "/invitations/{id}/organization",                              "invitations:read",          Some("organizations:read")),
    ("GET",    "/invitations/{id}/relationships/inviter",                     "invitations:read",          None),
    ("GET",    "/invitations/{id}/inviter",                                   "invitations:read",          Some("users:read")),
    ("GET",    "/applications",                                               "applications:read",         None),
    ("POST",   "/applications",                                               "applications:create",       None),
    ("GET",    "/applications/{id}",                                          "applications:read",         None),
    ("PATCH",  "/applications/{id}",                                          "applications:update",       None),
    ("PATCH",  "/applications/{id}/rotate-secret",                            "applications:update",       None),
    ("PATCH",  "/applications/{id}/expire-previous-secret",                   "applications:update",       None),
    ("DELETE", "/applications/{id}",                                          "applications:delete",       None),
    ("GET",    "/applications/{id}/relationships/organization",               "applications:read",         None),
    ("GET",    "/applications/{id}/organization",                             "applications:read",         Some("organizations:read")),
    ("GET",    "/applications/{id}/relationships/resource_server",            "applications:read",         None),
    ("GET",    "/applications/{id}/resource_server",                          "applications:read",         Some("resource-servers:read")),
    ("GET",    "/application-connections",                                       "application-connections:read",None),
    ("GET",    "/application-connections/{id}",                                  "application-connections:read",None),
    ("PATCH",  "/application-connections/{id}",                                  "application-connections:update",None),
    ("DELETE", "/application-connections/{id}",                                  "application-connections:delete",None),
    ("GET",    "/application-connections/{id}/relationships/application",        "application-connections:read",None),
    ("GET",    "/application-connections/{id}/application",                      "application-connections:read",Some("applications:read")),
    ("GET",    "/application-connections/{id}/relationships/organization",       "application-connections:read",None),
    ("GET",    "/application-connections/{id}/organization",                     "application-connections:read",Some("organizations:read")),
    ("GET",    "/application-connections/{id}/relationships/user",               "application-connections:read",None),
    ("GET",    "/application-connections/{id}/user",                             "application-connections:read",Some("users:read")),
    ("GET",    "/application-connections/{id}/relationships/connected_by",       "application-connections:read",None),
    ("GET",    "/application-connections/{id}/connected_by",                     "application-connections:read",Some("users:read")),
    ("GET",    "/application-tokens",                                            "application-tokens:read",   None),
    ("GET",    "/application-tokens/{id}",                                       "application-tokens:read",   None),
    ("DELETE", "/application-tokens/{id}",                                       "application-tokens:delete", None),
    ("GET",    "/application-tokens/{id}/relationships/application",             "application-tokens:read",   None),
    ("GET",    "/application-tokens/{id}/application",                           "application-tokens:read",   Some("applications:read")),
    ("GET",    "/audit-events",                                               "audit-events:read",         None),
    ("GET",    "/audit-events/{id}",                                          "audit-events:read",         None),
    ("GET",    "/mails",                                                      "mails:read",                None),
    ("GET",    "/mails/{id}",                                                 "mails:read",                None),
    ("PATCH",  "/mails/{id}/resend",                                          "mails:update",              None),
    ("GET",    "/environment",                                                "environment:read",          None),
    ("PATCH",  "/environment",                                                "environment:update",        None),
];

fn routes() -> impl Iterator<Item = (Method, &'static str, &'static str, Option<&'static str>)> {
    ROUTES.into_iter().map(|(method, path, right, other)| (method.parse().unwrap(), &path[1..], right, other))
}

/// Decision 6: `write` covers create and update.
fn scope_of(permission: &str) -> String {
    permission.replace(":create", ":write").replace(":update", ":write")
}

impl Caller<'_> {
    /// Asks a route about `id`, with a document that means nothing where there may be one.
    async fn try_at(&self, method: &Method, path: &str, id: &str) -> Reply {
        let path = path.replace("{id}", id);
        match method == Method::POST || method == Method::PATCH {
            true => self.send(method.clone(), &path, &json!({})).await,
            false => Reply::of(self.request(method.clone(), &path)).await,
        }
    }
}

#[test]
fn rb_matrix_there_is_no_route_that_is_not_written_down_here() {
    let served = paylent_api::ENDPOINTS.iter().map(|endpoint| {
        (endpoint.method.to_owned(), endpoint.path.to_owned(), name_of(endpoint.resource, endpoint.action))
    });
    let known =
        ROUTES.into_iter().map(|(method, path, right, _)| (method.to_owned(), path.to_owned(), right.to_owned()));
    assert_eq!(served.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
}

both! {
    async fn rb_matrix_every_route_refuses_who_lacks_its_scope_or_its_permission(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let powerless = server.caller_with(&server.acme, &[]).await;
        let machine = server.acme.machine();
        // Each has a scope, but not that of the route.
        let with = async |scope| {
            let token = server.token(&server.acme, &machine, &[("scope", scope)]).await;
            server.bearer(&server.acme, &token)
        };
        let (mails, keys) = (with("mails:read").await, with("signing-keys:read").await);
        let before = database.dump().await;
        for (method, path, right, _) in routes() {
            let nobody = nobody();
            let refused = server.anonymous(&server.acme).try_at(&method, path, &nobody).await;
            refused.is_error(401, "");
            assert_eq!(
                refused.header("www-authenticate"),
                r#"Bearer realm="http://acme-test.paylent.test""#,
                "{method} {path}"
            );
            let refused = powerless.try_at(&method, path, &nobody).await;
            assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text);
            assert_eq!(refused.detail(), format!("The token's user lacks the permission {right}."), "{method} {path}");
            let scope = scope_of(right);
            let aside = if scope == "mails:read" { &keys } else { &mails };
            let refused = aside.try_at(&method, path, &nobody).await;
            assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text);
            assert_eq!(refused.detail(), format!("The access token lacks the scope {scope}."), "{method} {path}");
            let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
            assert_eq!(refused.header("www-authenticate"), challenge, "{method} {path}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn rb_matrix_every_route_lets_in_who_holds_exactly_its_right(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let mut tokens = BTreeMap::new();
        for (method, path, right, other) in routes() {
            let (scope, both) = (scope_of(right), [Some(right), other].into_iter().flatten().map(scope_of));
            let both = both.collect::<Vec<_>>().join(" ");
            if let Entry::Vacant(entry) = tokens.entry((right, other)) {
                let rights: Vec<&str> = [Some(right), other].into_iter().flatten().collect();
                let machine = server.machine_with(&server.acme, &rights).await;
                let all = server.token(&server.acme, &machine, &[("scope", &both)]).await;
                entry.insert((all, server.token(&server.acme, &machine, &[("scope", &scope)]).await));
            }
            let (all, less) = &tokens[&(right, other)];
            let answer = server.bearer(&server.acme, all).try_at(&method, path, &nobody()).await;
            let expected = if path.contains("{id}") {
                404
            } else if method != Method::GET {
                400
            } else {
                200
            };
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text);
            if let Some(other) = other {
                let refused = server.bearer(&server.acme, less).try_at(&method, path, &nobody()).await;
                let detail = format!("The access token lacks the scope {}.", scope_of(other));
                assert_eq!((refused.status, refused.detail()), (403, detail), "{method} {path}");
            }
        }
    }

    async fn rb_matrix_who_may_only_read_changes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("read").await;
        let reads: Vec<String> = system_permissions().filter(|name| name.ends_with(":read")).collect();
        let reader = server.caller_with(&server.acme, &reads.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let before = database.dump().await;
        for (method, path, right, _) in routes() {
            let answer = reader.ask(&samples.asking(method.as_str(), path)).await;
            match method == Method::GET {
                true => assert_eq!(answer.status, 200, "{path}: {}", answer.text),
                false => {
                    assert!(answer.status == 403 && answer.detail().contains(right), "{method} {path}: {}", answer.text)
                }
            }
        }
        assert_eq!(database.dump().await, before);
    }

    /// At every route: a token for another environment, for no API, for another API, and truly signed ones for nobody.
    async fn rb_aud_rb_ctx_and_rb_nouser_every_route_refuses_tokens_that_are_for_something_else(
        database: TestDatabase
    ) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("other").await;
        let docs = json!({"name": "Docs", "identifier": "https://docs.example", "scopes": ["users:read"]});
        let docs = admin.create("resource-servers", "resource_server", docs, &[]).await;
        let machine = admin.register(json!({"name": "x", "grant_types": ["client_credentials"]}), None).await;
        server.acme.give(machine.user.as_deref().unwrap(), &admin.admin_role().await).await;
        let ask = async || {
            let form = [("grant_type", "client_credentials")];
            let reply = server.oauth(&server.acme, "/oauth/token", &machine.credentials, &form).await.is(200);
            reply.json()["access_token"].as_str().unwrap().to_owned()
        };
        let issuer = ask().await;
        admin.grant(&machine.id, &docs, json!(null)).await;
        let forge = Forge::of(&server, &server.acme).await;
        let tokens = [
            ("another environment", server.admin_token(&server.beta).await),
            ("the issuer", issuer),
            ("another API", ask().await),
            ("nobody", forge.claim("sub", json!(nobody()))),
            ("a client", forge.claim("sub", json!(server.acme.seeded.client_id))),
            ("a user of another environment", forge.claim("sub", json!(server.beta.seeded.service_user.to_string()))),
        ];
        let before = database.dump().await;
        for (what, token) in tokens {
            let caller = server.bearer(&server.acme, &token);
            for (route, asking) in samples.routes() {
                let refused = caller.ask(&asking).await;
                let error = (401, "invalid_token".to_owned(), String::new());
                assert_eq!(refused.error(), error, "for {what}: {} {}", route.method, route.path);
            }
        }
        assert_eq!(database.dump().await, before);
        let good = server.bearer(&server.acme, &forge.good());
        for (route, asking) in samples.routes() {
            assert!(good.ask(&asking).await.status < 300, "{} {}", route.method, route.path);
        }
    }

    /// What is checked first is answered first, everywhere alike: who calls, what it may, media types, what is there,
    /// what was said.
    async fn ap_auth_the_order_of_the_checks_is_the_same_at_every_route(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (anonymous, powerless) = (server.anonymous(&server.acme), server.caller_with(&server.acme, &[]).await);
        for (method, path, ..) in routes() {
            let at = path.replace("{id}", &nobody());
            let writes = method == Method::POST || method == Method::PATCH;
            let send = async |caller: &Caller<'_>, accept: &'static str, content: &'static str| {
                let request = server.request(&server.acme, method.clone(), &format!("/api/{at}?nothing=1"));
                let request = request.header("accept", accept).header("content-type", content).body("{");
                Reply::of(match &caller.token {
                    Some(token) => request.bearer_auth(token),
                    None => request,
                })
                .await
                .status
            };
            let (bad, html) = ("application/vnd.api+json; charset=utf-8", "text/html");
            let expected = if path.contains("{id}") { 404 } else { 400 };
            assert_eq!(send(&anonymous, bad, html).await, 401, "{method} {path}");
            assert_eq!(send(&powerless, bad, html).await, 403, "{method} {path}");
            assert_eq!(send(&admin, bad, html).await, 406, "{method} {path}");
            if writes {
                assert_eq!(send(&admin, JSON_API, html).await, 415, "{method} {path}");
            }
            assert_eq!(send(&admin, JSON_API, JSON_API).await, expected, "{method} {path}");
        }
        anonymous.get("nothing").await.is_error(404, "");
        assert_eq!(anonymous.delete("users").await.status, 405);
    }
}
