//! `/.well-known/*`: discovery and keys. Catalogue sections A19 and A20.

use paylent_tests::both;
use reqwest::Method;
use serde_json::Value;

use crate::support::{
    Reply, Tenant, TestServer,
    browser::{Browser, scene},
};

const METADATA: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
const KEYS: &str = "/.well-known/jwks.json";

async fn get(server: &TestServer, tenant: &Tenant, path: &str) -> Reply {
    Reply::of(server.request(tenant, Method::GET, path)).await
}

/// The names of an object's members, sorted.
fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

both! {
    /// The document names what works, at this environment's own address, and nothing else.
    async fn ho_discovery(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for tenant in [&server.acme, &server.beta] {
            let reply = get(&server, tenant, METADATA[0]).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
            assert_eq!(get(&server, tenant, METADATA[1]).await.text, reply.text);
            let json = reply.json();
            assert_eq!(json["issuer"], tenant.issuer());
            assert!(!reply.text.contains("plain") && !reply.text.contains("token id_token"));
            let grants = serde_json::json!(["authorization_code", "client_credentials", "refresh_token"]);
            assert_eq!(json["grant_types_supported"], grants);
            assert_eq!(json["response_types_supported"], serde_json::json!(["code"]));
            assert_eq!(json["code_challenge_methods_supported"], serde_json::json!(["S256"]));
            assert_eq!(json["backchannel_logout_supported"], true);
            assert_eq!(json["backchannel_logout_session_supported"], true);
            assert_eq!(json["id_token_signing_alg_values_supported"], serde_json::json!(["RS256"]));
            let mut endpoints = 0;
            for (name, value) in json.as_object().unwrap() {
                let Some(url) = value.as_str() else { continue };
                let path = url.strip_prefix(&tenant.issuer()).unwrap_or_else(|| panic!("{name}: {url}"));
                let method = if name.ends_with("_endpoint") { Method::POST } else { Method::GET };
                if name.ends_with("_endpoint") || name.ends_with("_uri") {
                    endpoints += 1;
                    let status = Reply::of(server.request(tenant, method, path)).await.status;
                    assert!(![404, 405].contains(&status), "{name}: {status}");
                }
            }
            assert_eq!(endpoints, 7);
            let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
            let any = [&confidential[..], &["none"]].concat();
            for (endpoint, methods) in [("token", &any[..]), ("revocation", &any), ("introspection", &confidential)] {
                let supported = |what: &str| json[format!("{endpoint}_endpoint_auth_{what}_supported")].clone();
                assert_eq!(supported("methods"), serde_json::json!(methods), "{endpoint}");
                let algorithms = serde_json::json!(["RS256", "ES256"]);
                assert_eq!(supported("signing_alg_values"), algorithms, "{endpoint}: of private_key_jwt");
            }
        }
    }

    /// Pages speak every language that the document lists, and answer in English where it lists none that is asked for.
    async fn ho_discovery_every_listed_language_is_spoken(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let listed = get(&server, &server.acme, METADATA[0]).await.json()["ui_locales_supported"].clone();
        assert_eq!(listed, serde_json::json!(["en", "nl", "de"]));
        let client = scene(&server.acme).await;
        let spoken = async |tag: &str| {
            let page = Browser::new(&server).authorize(&client, &[("ui_locales", tag)]).await.is(200);
            page.header("content-language").to_owned()
        };
        for tag in listed.as_array().unwrap().iter().filter_map(Value::as_str) {
            assert_eq!(spoken(tag).await, tag);
        }
        assert_eq!(spoken("fr").await, "en");
    }

    /// Caches keep the documents apart by host, ask again cheaply, and keep no error.
    async fn ho_cache(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for path in [METADATA[0], METADATA[1], KEYS] {
            let reply = get(&server, &server.acme, path).await;
            let etag = reply.header("etag").to_owned();
            assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'));
            assert!(reply.header("vary").split(',').any(|name| name.trim().eq_ignore_ascii_case("host")));
            assert!(reply.header("cache-control").starts_with("public, max-age="));
            let ask = async |tag: &str| {
                Reply::of(server.request(&server.acme, Method::GET, path).header("if-none-match", tag)).await
            };
            for tag in [&etag, &format!("W/{etag}"), &format!("\"other\", {etag}"), "*"] {
                let unchanged = ask(tag).await;
                assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""), "{tag}");
                for name in ["etag", "vary", "cache-control"] {
                    assert_eq!(unchanged.header(name), reply.header(name));
                }
            }
            assert_eq!(ask("\"other\"").await.text, reply.text);
            let head = Reply::of(server.request(&server.acme, Method::HEAD, path)).await;
            assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", etag.as_str()));

            let other = get(&server, &server.beta, path).await;
            assert_ne!((other.header("etag"), &other.text), (etag.as_str(), &reply.text));
            let unknown = Reply::of(server.request_to("nobody.paylent.test", Method::GET, path)).await;
            assert_eq!((unknown.status, unknown.header("cache-control")), (404, "no-store"));
            for method in ["POST", "PUT", "DELETE", "TRACE", "OPTIONS"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let refused = Reply::of(server.request(&server.acme, method, path)).await;
                let headers = (refused.header("allow"), refused.header("cache-control"));
                assert_eq!((refused.status, headers), (405, ("GET, HEAD", "no-store")));
            }
        }
        database.execute("ALTER TABLE signing_keys RENAME TO away").await;
        server.clock.advance_seconds(6);
        let failed = get(&server, &server.acme, KEYS).await;
        assert_eq!((failed.status, failed.header("cache-control")), (503, "no-store"));
    }

    /// Only public members come out, of this environment's keys only.
    async fn ky_never_out(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let mut kids = Vec::new();
        for tenant in [&server.acme, &server.beta] {
            let reply = get(&server, tenant, KEYS).await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
            let json = reply.json();
            assert_eq!(names(&json), ["keys"]);
            let keys = json["keys"].as_array().unwrap();
            assert_eq!(keys.len(), 1);
            for key in keys {
                assert_eq!(names(key), ["alg", "e", "kid", "kty", "n", "use"]);
                let text = |name: &str| key[name].as_str().unwrap();
                assert_eq!((text("kty"), text("alg"), text("use"), text("e")), ("RSA", "RS256", "sig", "AQAB"));
                assert_eq!(text("n").len(), 342, "2048 bits");
                kids.push(text("kid").to_owned());
            }
        }
        assert_ne!(kids[0], kids[1]);
    }
}
