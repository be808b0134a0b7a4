//! Every route and the right it takes, written down a second time, and asked of the server.

use std::collections::BTreeSet;

use paylent_domain::permission::{name_of, system_permissions};
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::*;

/// Method, path, permission, and what else the user must be allowed to do.
#[rustfmt::skip]
const ROUTES: [(&str, &str, &str, Option<&str>); 38] = [
    ("GET",    "/users",                                            "users:read",            None),
    ("POST",   "/users",                                            "users:create",          None),
    ("GET",    "/users/{id}",                                       "users:read",            None),
    ("PATCH",  "/users/{id}",                                       "users:update",          None),
    ("DELETE", "/users/{id}",                                       "users:delete",          None),
    ("GET",    "/roles",                                            "roles:read",            None),
    ("GET",    "/roles/{id}",                                       "roles:read",            None),
    ("GET",    "/user-roles",                                       "user-roles:read",       None),
    ("POST",   "/user-roles",                                       "user-roles:create",     None),
    ("GET",    "/user-roles/{id}",                                  "user-roles:read",       None),
    ("DELETE", "/user-roles/{id}",                                  "user-roles:delete",     None),
    ("GET",    "/user-roles/{id}/relationships/user",               "user-roles:read",       None),
    ("GET",    "/user-roles/{id}/relationships/role",               "user-roles:read",       None),
    ("GET",    "/user-roles/{id}/user",                             "user-roles:read",       Some("users:read")),
    ("GET",    "/user-roles/{id}/role",                             "user-roles:read",       Some("roles:read")),
    ("GET",    "/clients",                                          "clients:read",          None),
    ("POST",   "/clients",                                          "clients:create",        None),
    ("GET",    "/clients/{id}",                                     "clients:read",          None),
    ("PATCH",  "/clients/{id}",                                     "clients:update",        None),
    ("DELETE", "/clients/{id}",                                     "clients:delete",        None),
    ("GET",    "/clients/{id}/relationships/user",                  "clients:read",          None),
    ("GET",    "/clients/{id}/user",                                "clients:read",          Some("users:read")),
    ("GET",    "/resource-servers",                                 "resource-servers:read", None),
    ("POST",   "/resource-servers",                                 "resource-servers:create", None),
    ("GET",    "/resource-servers/{id}",                            "resource-servers:read", None),
    ("GET",    "/client-grants",                                    "client-grants:read",    None),
    ("POST",   "/client-grants",                                    "client-grants:create",  None),
    ("GET",    "/client-grants/{id}",                               "client-grants:read",    None),
    ("PATCH",  "/client-grants/{id}",                               "client-grants:update",  None),
    ("DELETE", "/client-grants/{id}",                               "client-grants:delete",  None),
    ("GET",    "/client-grants/{id}/relationships/client",          "client-grants:read",    None),
    ("GET",    "/client-grants/{id}/relationships/resource_server", "client-grants:read",    None),
    ("GET",    "/client-grants/{id}/client",                        "client-grants:read",    Some("clients:read")),
    ("GET",    "/client-grants/{id}/resource_server",               "client-grants:read",    Some("resource-servers:read")),
    ("GET",    "/signing-keys",                                     "signing-keys:read",     None),
    ("POST",   "/signing-keys",                                     "signing-keys:create",   None),
    ("GET",    "/signing-keys/{id}",                                "signing-keys:read",     None),
    ("PATCH",  "/signing-keys/{id}/deactivate",                     "signing-keys:update",   None),
];
const DELETE_KEY: (&str, &str, &str, Option<&str>) = ("DELETE", "/signing-keys/{id}", "signing-keys:delete", None);

fn routes() -> impl Iterator<Item = (Method, &'static str, &'static str, Option<&'static str>)> {
    let all = ROUTES.into_iter().chain([DELETE_KEY]);
    all.map(|(method, path, right, other)| (method.parse().unwrap(), path.strip_prefix('/').unwrap(), right, other))
}

/// Decision 6: `write` covers create and update.
fn scope_of(permission: &str) -> String {
    permission.replace(":create", ":write").replace(":update", ":write")
}

impl Caller<'_> {
    /// Asks a route about `id`, with a document that means nothing where there may be one.
    async fn ask(&self, method: &Method, path: &str, id: &str) -> Reply {
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
    let known = ROUTES.into_iter().chain([DELETE_KEY]);
    let known = known.map(|(method, path, right, _)| (method.to_owned(), path.to_owned(), right.to_owned()));
    assert_eq!(served.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
}

both! {
    async fn rb_matrix_every_route_refuses_who_lacks_its_scope_or_its_permission(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let powerless = server.caller_with(&server.acme, &[]).await;
        let machine = server.acme.machine();
        let aside = server.token(&server.acme, &machine, &[("scope", "audit-events:read")]).await;
        let aside = server.bearer(&server.acme, &aside);
        let before = database.dump().await;
        for (method, path, right, _) in routes() {
            let nobody = nobody();
            let refused = server.anonymous(&server.acme).ask(&method, path, &nobody).await;
            refused.is_error(401, "");
            assert_eq!(
                refused.header("www-authenticate"),
                r#"Bearer realm="http://acme-test.paylent.test""#,
                "{method} {path}"
            );
            let refused = powerless.ask(&method, path, &nobody).await;
            assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text);
            assert_eq!(refused.detail(), format!("The token's user lacks the permission {right}."), "{method} {path}");
            let refused = aside.ask(&method, path, &nobody).await;
            let scope = scope_of(right);
            assert_eq!(refused.status, 403, "{method} {path}: {}", refused.text);
            assert_eq!(refused.detail(), format!("The access token lacks the scope {scope}."), "{method} {path}");
            let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
            assert_eq!(refused.header("www-authenticate"), challenge, "{method} {path}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn rb_matrix_every_route_lets_in_who_holds_exactly_its_right(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for (method, path, right, other) in routes() {
            let rights: Vec<&str> = [Some(right), other].into_iter().flatten().collect();
            let machine = server.machine_with(&server.acme, &rights).await;
            let scope: Vec<String> = rights.iter().map(|right| scope_of(right)).collect();
            let token = server.token(&server.acme, &machine, &[("scope", &scope.join(" "))]).await;
            let answer = server.bearer(&server.acme, &token).ask(&method, path, &nobody()).await;
            let expected = if path.contains("{id}") {
                404
            } else if method == Method::POST {
                400
            } else {
                200
            };
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.text);
            if let Some(other) = other {
                let token = server.token(&server.acme, &machine, &[("scope", &scope_of(right))]).await;
                let refused = server.bearer(&server.acme, &token).ask(&method, path, &nobody()).await;
                assert_eq!(
                    (refused.status, refused.detail()),
                    (403, format!("The access token lacks the scope {other}."))
                );
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
            let sample = samples.iter().find(|sample| path.split('/').next() == Some(sample.path)).unwrap();
            let answer = reader.ask(&method, path, &sample.id).await;
            match method == Method::GET {
                true => assert_eq!(answer.status, 200, "{path}: {}", answer.text),
                false => {
                    assert!(answer.status == 403 && answer.detail().contains(right), "{method} {path}: {}", answer.text)
                }
            }
        }
        assert_eq!(database.dump().await, before);
    }

    /// The same answer, byte for byte, to an id of another environment and to one that nobody has.
    async fn rb_xenv_id_another_environments_ids_are_nobodys(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let foreign = beta.samples("foreign").await;
        let before = database.dump().await;
        let plain = |reply: &Reply, id: &str| {
            let text = reply.text.replace(reply.header("x-request-id"), "REQUEST").replace(id, "ID");
            let headers = reply.headers.iter().filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            (reply.status, headers.collect::<BTreeSet<_>>(), text)
        };
        for (method, path, ..) in routes().filter(|(_, path, ..)| path.contains("{id}")) {
            let sample = foreign.iter().find(|sample| path.split('/').next() == Some(sample.path)).unwrap();
            let nobody = nobody();
            let (theirs, nobodys) = if method == Method::PATCH {
                let set = |id: &str| match &sample.update {
                    Some(update) => change(sample.kind, id, update["data"]["attributes"].clone()),
                    None => change(sample.kind, id, json!({})),
                };
                let send = async |id: &str| acme.patch(&path.replace("{id}", id), &set(id)).await;
                (send(&sample.id).await, send(&nobody).await)
            } else {
                (acme.ask(&method, path, &sample.id).await, acme.ask(&method, path, &nobody).await)
            };
            assert_eq!(theirs.status, 404, "{method} {path}: {}", theirs.text);
            assert_eq!(plain(&theirs, &sample.id), plain(&nobodys, &nobody), "{method} {path}");
        }
        for (list, id) in [
            ("users?filter[id]", 0),
            ("user-roles?filter[user]", 0),
            ("user-roles?filter[role]", 1),
            ("clients?filter[id]", 3),
            ("client-grants?filter[client]", 3),
            ("resource-servers?filter[id]", 4),
        ] {
            let theirs = acme.get(&format!("{list}={}", foreign[id].id)).await.is(200);
            assert_eq!(theirs.ids(), Vec::<String>::new(), "{list}");
        }
        assert_eq!(database.dump().await, before);
    }

    /// What is checked first is answered first, everywhere alike: media types, who calls, what it may, what is there,
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
            assert_eq!(send(&anonymous, bad, html).await, 406, "{method} {path}");
            if writes {
                assert_eq!(send(&anonymous, JSON_API, html).await, 415, "{method} {path}");
            }
            assert_eq!(send(&anonymous, JSON_API, JSON_API).await, 401, "{method} {path}");
            assert_eq!(send(&powerless, JSON_API, JSON_API).await, 403, "{method} {path}");
            assert_eq!(send(&admin, JSON_API, JSON_API).await, expected, "{method} {path}");
        }
        anonymous.get("nothing").await.is_error(404, "");
        assert_eq!(anonymous.delete("users").await.status, 405);
    }
}
