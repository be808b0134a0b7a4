//! What the Management API takes for an access token. Catalogue section A9.

use std::sync::LazyLock;

use josekit::{
    jwk::alg::rsa::RsaKeyPair,
    jws::{ES256, HS256, HS384, HS512, JwsSigner, PS256, RS256, RS384, RS512},
};
use paylent_domain::{Clock as _, user::UserChange};
use paylent_storage::Page;
use paylent_tests::{TestDatabase, both, seed};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};

use crate::support::{
    Reply, TestServer,
    forge::{Forge, encode, header, signed},
};

/// The key of somebody who would like to be believed.
static ATTACKER: LazyLock<RsaKeyPair> = LazyLock::new(|| RS256.generate_key_pair(2048).unwrap());

/// Each of these tokens is refused, and nothing changes. A good token made by the same hand is not.
async fn refuses(server: &TestServer, database: &TestDatabase, forge: &Forge, bad: Vec<String>) {
    let before = database.dump().await;
    assert_eq!(server.users_with(&server.acme, &forge.good()).await.status, 200, "the forger's hand is good");
    for token in bad {
        invalid(&server.users_with(&server.acme, &token).await, &token);
    }
    assert_eq!(database.dump().await, before);
}

#[track_caller]
fn invalid(reply: &Reply, token: &str) {
    let shown = &token[..token.len().min(400)];
    assert_eq!(reply.status, 401, "{shown}: {}", reply.text);
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{shown}: {challenge}");
    reply.is_error(401, "");
}

/// What the API answers to these values of `Authorization`.
async fn with_headers(server: &TestServer, path: &str, values: &[&str]) -> Reply {
    let mut request = server.request(&server.acme, Method::GET, path);
    for value in values {
        request = request.header("authorization", HeaderValue::from_str(value).unwrap());
    }
    Reply::of(request).await
}

both! {
    async fn jw_none(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let algorithms = [json!("none"), json!("None"), json!("nOnE"), json!(""), Value::Null, json!(["RS256"]), json!(["none"]), json!("rs256")];
        let mut bad = Vec::new();
        for algorithm in algorithms {
            let token = forge.sign(&forge.header_but("alg", algorithm), &forge.claims);
            let (unsigned, _) = token.rsplit_once('.').unwrap();
            bad.extend([format!("{unsigned}."), unsigned.to_owned(), token.clone()]);
        }
        refuses(&server, &database, &forge, bad).await;
    }

    /// A secret made of the public key is no signature.
    async fn jw_hs(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let pair = RS256.key_pair_from_der(forge.der()).unwrap();
        let jwk = Reply::of(server.request(&server.acme, Method::GET, "/.well-known/jwks.json")).await.json()["keys"][0].clone();
        let modulus = jwk["n"].as_str().unwrap().to_owned();
        let pem = String::from_utf8(pair.to_pem_public_key()).unwrap();
        let keys = [
            pem.clone().into_bytes(),
            pem.trim().as_bytes().to_vec(),
            pair.to_der_public_key(),
            jwk.to_string().into_bytes(),
            modulus.into_bytes(),
            // HMAC pads keys with zeros: an empty one.
            vec![0; 64],
        ];
        let mut bad = Vec::new();
        for key in keys {
            for (name, algorithm) in [("HS256", HS256), ("HS384", HS384), ("HS512", HS512)] {
                let signer = algorithm.signer_from_bytes(&key).unwrap();
                bad.push(signed(&signer, &forge.header_but("alg", name.into()), &forge.claims));
                bad.push(signed(&signer, &forge.header(), &forge.claims));
            }
        }
        refuses(&server, &database, &forge, bad).await;
    }

    /// One key, one algorithm, even with the right key.
    async fn jw_alg_swap(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let (rs384, rs512) = (RS384.signer_from_der(forge.der()).unwrap(), RS512.signer_from_der(forge.der()).unwrap());
        let ps256 = PS256.signer_from_der(forge.der()).unwrap();
        let es256 = ES256.signer_from_der(ES256.generate_key_pair().unwrap().to_der_private_key()).unwrap();
        let signers: [(&str, &dyn JwsSigner); 4] =
            [("RS384", &rs384), ("RS512", &rs512), ("PS256", &ps256), ("ES256", &es256)];
        let mut bad = Vec::new();
        for (name, signer) in signers {
            bad.push(signed(signer, &forge.header_but("alg", name.into()), &forge.claims));
            bad.push(signed(signer, &forge.header(), &forge.claims));
            bad.push(forge.sign(&forge.header_but("alg", name.into()), &forge.claims));
        }
        refuses(&server, &database, &forge, bad).await;
    }

    /// A token does not bring its own key, nor say where to find it.
    async fn jw_embedded(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let attacker = RS256.signer_from_der(ATTACKER.to_der_private_key()).unwrap();
        let jwk: Value = serde_json::from_str(&ATTACKER.to_jwk_public_key().to_string()).unwrap();
        let mut bad = vec![signed(&attacker, &forge.header(), &forge.claims)];
        for (name, value) in [
            ("jwk", jwk),
            ("jku", json!("http://127.0.0.1:1/jwks.json")),
            ("x5u", json!("http://127.0.0.1:1/cert.pem")),
            ("x5c", json!(["MIIB"])),
            ("x5t", json!("AAAA")),
            ("x5t#S256", json!("AAAA")),
        ] {
            let with = forge.header_but(name, value);
            let mut without_kid = with.clone();
            without_kid.as_object_mut().unwrap().remove("kid");
            bad.push(signed(&attacker, &with, &forge.claims));
            bad.push(signed(&attacker, &without_kid, &forge.claims));
            bad.push(forge.sign(&with, &forge.claims));
        }
        refuses(&server, &database, &forge, bad).await;
    }

    /// A `kid` names one of this environment's active keys, and nothing else.
    async fn jw_kid(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let forge = Forge::of(&server, acme).await;
        let of_beta = header(&server.admin_token(&server.beta).await)["kid"].clone();
        let env = &acme.seeded.env;
        let mut others = Vec::new();
        for deleted in [false, true] {
            let mut key = seed::signing_key(env.tenant().environment.id);
            key.primary = false;
            let key = env.create_signing_key(key, &seed::by()).await.unwrap();
            let kid = json!(key.kid);
            let second = forge.sign(&forge.header_but("kid", kid.clone()), &forge.claims);
            assert_eq!(server.users_with(acme, &second).await.status, 200, "any active key of the environment signs");
            env.deactivate_signing_key(key.id, &seed::by()).await.unwrap().unwrap();
            if deleted {
                assert!(env.delete_signing_key(key.id, &seed::by()).await.unwrap());
            }
            others.push(kid);
        }
        let path = |text: &str| json!(text);
        let mut bad: Vec<String> = [Value::Null, path(""), path("unknown"), path("../../etc/passwd"), path("' OR 1=1--"),
            path("a\0b"), path(&"k".repeat(5_000)), path(&"k".repeat(10_240)), json!(1), json!([forge.kid]), json!({}),
            path(&forge.kid.to_uppercase()), path(&format!("{} ", forge.kid)), of_beta]
            .into_iter()
            .chain(others)
            .map(|kid| forge.sign(&forge.header_but("kid", kid), &forge.claims))
            .collect();
        bad.push(server.admin_token(&server.beta).await);
        refuses(&server, &database, &forge, bad).await;
    }

    async fn jw_typ(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let types = [Value::Null, json!("JWT"), json!("jwt"), json!("id_token"), json!("logout+jwt"), json!("at+jwtx"),
            json!("application/jwt"), json!(""), json!(["at+jwt"])];
        let bad = types.map(|typ| forge.sign(&forge.header_but("typ", typ), &forge.claims));
        refuses(&server, &database, &forge, bad.to_vec()).await;
        let long = forge.sign(&forge.header_but("typ", "application/at+jwt".into()), &forge.claims);
        assert_eq!(server.users_with(&server.acme, &long).await.status, 200, "RFC 9068 section 4");
    }

    async fn jw_iss(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let issuer = server.acme.issuer();
        let issuers = [Value::Null, json!(server.beta.issuer()), json!(issuer.replace("http:", "https:")),
            json!(format!("{issuer}/")), json!(format!("{issuer}:8080")), json!(format!("{issuer}:80")),
            json!(issuer.to_uppercase()), json!([issuer]), json!(""), json!(server.acme.api())];
        let bad = issuers.map(|issuer| forge.claim("iss", issuer));
        refuses(&server, &database, &forge, bad.to_vec()).await;
    }

    async fn jw_aud(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let api = server.acme.api();
        let audiences = [Value::Null, json!([]), json!(""), json!([""]), json!("https://orders.example"),
            json!(format!("{api}.evil")), json!(format!("{api}/")), json!(&api[..api.len() - 1]), json!(server.beta.api()),
            json!(server.acme.issuer()), json!([api, "https://orders.example"]), json!([api, api]), json!(1), json!({"0": api})];
        let bad = audiences.map(|audience| forge.claim("aud", audience));
        refuses(&server, &database, &forge, bad.to_vec()).await;
        let one = forge.claim("aud", json!([api]));
        assert_eq!(server.users_with(&server.acme, &one).await.status, 200);
        let for_issuer = server.acme.add_client(|_| ()).await.credentials;
        let token = server.ask(&server.acme, &for_issuer, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
        invalid(&server.users_with(&server.acme, &token).await, &token);
    }

    /// Times are whole seconds. Another node's clock may be a minute ahead, and a dead token is dead.
    async fn jw_exp(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let now = server.clock.now().seconds();
        let expiries = [Value::Null, json!((now + 60).to_string()), json!(60.5 + now as f64), json!(-1), json!(1e308),
            json!(0), json!(now - 3_600), json!(now - 61), json!(now - 1), json!(now), json!([now + 60]), json!(u64::MAX)];
        let mut bad: Vec<String> = expiries.map(|exp| forge.claim("exp", exp)).to_vec();
        bad.extend([json!(now + 61), json!("0"), json!(-1), json!(1.5)].map(|nbf| forge.claim("nbf", nbf)));
        bad.extend([Value::Null, json!(now + 61), json!("0"), json!(-1), json!(1.5)].map(|iat| forge.claim("iat", iat)));
        refuses(&server, &database, &forge, bad).await;
        for good in [forge.claim("exp", json!(now + 1)), forge.claim("nbf", json!(now)), forge.claim("exp", json!(i64::MAX))] {
            assert_eq!(server.users_with(&server.acme, &good).await.status, 200, "{}", crate::support::forge::claims(&good));
        }
    }

    async fn jw_skew(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let now = server.clock.now().seconds();
        for ahead in [2, 60] {
            let token = forge.claim("iat", json!(now + ahead));
            assert_eq!(server.users_with(&server.acme, &token).await.status, 200, "{ahead} s ahead");
        }
    }

    /// The user and the client are there and active, and of this environment.
    async fn jw_sub(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, env) = (&server.acme, &server.acme.seeded.env);
        let forge = Forge::of(&server, acme).await;
        let deactivated = env.create_person(seed::person("gone@acme.example"), &seed::by()).await.unwrap();
        let change = UserChange { active: Some(false), ..Default::default() };
        env.update_user(deactivated.id, change, &seed::by()).await.unwrap().unwrap();
        let deleted = env.create_person(seed::person("deleted@acme.example"), &seed::by()).await.unwrap();
        assert!(env.delete_user(deleted.id, &seed::by()).await.unwrap());
        let nobody = seed::new_id::<()>();
        let mut bad: Vec<String> = [Value::Null, json!(""), json!(1), json!("not an id"), json!(nobody.to_string()),
            json!(deactivated.id.to_string()), json!(deleted.id.to_string()),
            json!(server.beta.seeded.service_user.to_string()), json!(acme.machine().0)]
            .map(|sub| forge.claim("sub", sub))
            .to_vec();
        bad.extend([Value::Null, json!("nobody"), json!(server.beta.machine().0), json!(1)].map(|id| forge.claim("client_id", id)));
        bad.extend(["cgen", "ugen"].map(|name| forge.claim(name, json!(7))));
        bad.extend(["cgen", "ugen"].map(|name| forge.claim(name, Value::Null)));
        refuses(&server, &database, &forge, bad).await;
    }

    async fn jw_jti(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let bad = [Value::Null, json!(""), json!(1), json!(["x"])].map(|jti| forge.claim("jti", jti));
        refuses(&server, &database, &forge, bad.to_vec()).await;
        let revoked = forge.good();
        assert_eq!(server.revoke(&server.acme, &server.acme.machine(), &revoked).await.status, 200);
        invalid(&server.users_with(&server.acme, &revoked).await, &revoked);
    }

    async fn jw_crit(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let mut bad: Vec<String> = [json!(["x"]), json!("x"), json!([]), json!(["exp"]), json!({})]
            .map(|crit| forge.sign(&forge.header_but("crit", crit), &forge.claims))
            .to_vec();
        bad.push(forge.sign(&forge.header_but("b64", json!(false)), &forge.claims));
        let duplicate = format!(r#"{{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"{}"}}"#, forge.kid);
        bad.push(raw(&forge, &duplicate, &forge.claims.to_string()));
        let claims = forge.claims.to_string();
        bad.push(raw(&forge, &forge.header().to_string(), &format!("{{\"aud\":\"x\",{}", &claims[1..])));
        refuses(&server, &database, &forge, bad).await;
    }

    /// No bit of a token can be changed, and it has one spelling.
    async fn jw_sig(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let good = forge.good();
        let flip = |at: usize| {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        };
        let dots: Vec<usize> = good.match_indices('.').map(|(at, _)| at).collect();
        let letters = (0..good.len()).filter(|at| !dots.contains(at));
        let mut bad: Vec<String> = letters.step_by(17).map(flip).filter(|token| *token != good).collect();
        let (message, signature) = good.rsplit_once('.').unwrap();
        let tail = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = tail.iter().position(|byte| *byte == *signature.as_bytes().last().unwrap()).unwrap();
        // 256 bytes leave four bits of the last character unused.
        let same_bytes = format!("{}{}", &good[..good.len() - 1], tail[last | 1] as char);
        assert_ne!(same_bytes, good);
        bad.extend([same_bytes, format!("{good}="), format!("{good}=="), format!("{good}AAAA"), format!("{good}A"),
            format!("{message}."), format!("{message}.{}", encode(vec![0; 256])), format!("{message}.{}", encode(vec![0xff; 256])),
            good.replace('-', "+").replace('_', "/") + "=="]);
        let another = forge.claim("jti", json!("another"));
        bad.push(format!("{message}.{}", another.rsplit_once('.').unwrap().1));
        refuses(&server, &database, &forge, bad).await;
    }

    /// A compact JWS of at most 8 KiB, and no other form.
    async fn jw_form(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let good = forge.good();
        let parts: Vec<&str> = good.split('.').collect();
        let jwe_header = encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}"#);
        let bad = vec![
            format!("{}.{}", parts[0], parts[1]),
            format!("{good}.{}", parts[2]),
            format!("{jwe_header}.{}.AAAA.AAAA.AAAA", parts[1]),
            format!("{good}.AAAA.AAAA"),
            "...".to_owned(),
            ".".to_owned(),
            "x".to_owned(),
            forge.claim("padding", json!("x".repeat(7 * 1024))),
            forge.sign(&forge.header_but("zip", "DEF".into()), &forge.claims),
            forge.sign(&json!([]), &forge.claims),
            forge.sign(&forge.header(), &json!([forge.claims])),
            "x".repeat(9 * 1024),
        ];
        refuses(&server, &database, &forge, bad).await;
        let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
        for malformed in [flattened, format!("Bearer {good}")] {
            let reply = server.users_with(&server.acme, &malformed).await;
            assert!([400, 401].contains(&reply.status), "{malformed}: {}", reply.text);
        }
        let huge = with_headers(&server, "/api/users", &[&format!("Bearer {}", "x".repeat(200_000))]).await;
        assert!([400, 401, 413, 431].contains(&huge.status));
    }

    /// One header, one scheme, one space, one token.
    async fn jw_scheme(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let token = server.admin_token(&server.acme).await;
        let other = server.caller_with(&server.acme, &[]).await.token.unwrap();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(with_headers(&server, "/api/users", &[&format!("{scheme} {token}")]).await.status, 200);
        }
        let good = format!("Bearer {token}");
        let wrong: Vec<String> = ["Bearer", "Bearer ", &format!("Bearer\t{token}"), &format!("Bearer  {token}"),
            &format!("Bearer {token} x"), &format!("Bearer {token}, Bearer {token}"), &format!("Bearer {token},"), &token, "",
            &format!("Token {token}"), &format!("Basic {token}"), &format!("DPoP {token}")].map(str::to_owned).to_vec();
        for value in &wrong {
            let reply = with_headers(&server, "/api/users", &[value]).await;
            assert!([400, 401].contains(&reply.status), "{value}: {}", reply.text);
            assert!(!reply.header("www-authenticate").is_empty(), "{value}");
            reply.is_error(reply.status, if reply.status == 400 { "Authorization" } else { "" });
        }
        for twice in [[&good, &good], [&good, &format!("Bearer {other}")], [&wrong[0], &good]] {
            let reply = with_headers(&server, "/api/users", &twice.map(String::as_str)).await;
            reply.is_error(400, "Authorization");
        }
        // RFC 6750 sections 2.2 and 2.3 are not offered: 400 for the parameter, 401 for the missing token.
        let query = with_headers(&server, &format!("/api/users?access_token={token}"), &[]).await;
        assert!([400, 401].contains(&query.status), "{}", query.text);
        let form = server.request(&server.acme, Method::POST, "/api/users").form(&[("access_token", &token)]);
        assert!([401, 415].contains(&Reply::of(form).await.status));
        let none = with_headers(&server, "/api/users", &[]).await;
        assert_eq!(none.status, 401);
        assert!(none.header("www-authenticate").starts_with("Bearer"));
    }

    /// The previous key is believed until it is deactivated, and not a moment longer.
    async fn jw_rotate(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, env) = (&server.acme, &server.acme.seeded.env);
        let old = server.admin_token(acme).await;
        env.create_signing_key(seed::signing_key(env.tenant().environment.id), &seed::by()).await.unwrap();
        let new = server.admin_token(acme).await;
        let kid = |token: &str| header(token)["kid"].as_str().unwrap().to_owned();
        assert_ne!(kid(&old), kid(&new));
        let published = async || {
            let keys = Reply::of(server.request(acme, Method::GET, "/.well-known/jwks.json")).await.json();
            keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        server.clock.advance_seconds(6);
        assert_eq!(published().await, [kid(&new), kid(&old)]);
        assert_eq!((server.users_with(acme, &old).await.status, server.users_with(acme, &new).await.status), (200, 200));

        let keys = env.signing_keys(Page { limit: 10, ..Default::default() }).await.unwrap().rows;
        let previous = keys.iter().find(|key| key.kid == kid(&old)).unwrap();
        let path = format!("signing-keys/{}/deactivate", previous.id);
        let deactivated = Reply::of(server.bearer(acme, &new).request(Method::PATCH, &path)).await;
        assert_eq!(deactivated.status, 200, "{}", deactivated.text);
        invalid(&server.users_with(acme, &old).await, &old);
        assert_eq!(server.users_with(acme, &new).await.status, 200);
        assert_eq!(server.introspect(acme, &acme.machine(), &old).await.text, r#"{"active":false}"#);
        server.clock.advance_seconds(6);
        assert_eq!(published().await, [kid(&new)]);
    }

    /// A token of one environment is nothing in another, whatever its form.
    async fn a_token_of_another_environment_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let opaque = server.opaque_reader(&server.acme, &database).await;
        for client in [server.acme.machine(), opaque] {
            let token = server.token(&server.acme, &client, &[]).await;
            let before = database.dump().await;
            invalid(&server.users_with(&server.beta, &token).await, &token);
            let dead = server.introspect(&server.beta, &server.beta.machine(), &token).await;
            assert_eq!(dead.text, r#"{"active":false}"#);
            assert_eq!(server.revoke(&server.beta, &server.beta.machine(), &token).await.status, 200);
            assert_eq!(database.dump().await, before);
            assert_eq!(server.users_with(&server.acme, &token).await.status, 200);
        }
    }
}

/// A token of these very texts, truly signed.
fn raw(forge: &Forge, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = RS256.signer_from_der(forge.der()).unwrap().sign(message.as_bytes()).unwrap();
    format!("{message}.{}", encode(signature))
}
