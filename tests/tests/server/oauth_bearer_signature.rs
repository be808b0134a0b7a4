//! What the Management API takes for a signature of its own. Catalogue section A9.

use std::sync::LazyLock;

use josekit::{
    jwk::alg::rsa::RsaKeyPair,
    jws::{ES256, HS256, HS384, HS512, JwsSigner, PS256, RS256, RS384, RS512},
};
use paylent_storage::Expected;
use paylent_tests::{both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Reply, TestServer,
    browser::{Browser, hidden, is_page, is_returned, parameters, scene, text},
    forge::{Forge, encode, header, refuses, signed},
    raw::{exchange, request, statuses},
};

/// The key of somebody who would like to be believed.
static ATTACKER: LazyLock<RsaKeyPair> = LazyLock::new(|| RS256.generate_key_pair(2048).unwrap());

both! {
    async fn jw_none(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let algorithms = [
            json!("none"),
            json!("None"),
            json!("nOnE"),
            json!(""),
            Value::Null,
            json!(["RS256"]),
            json!(["none"]),
            json!("rs256"),
        ];
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
        let jwk = Reply::of(server.request(&server.acme, Method::GET, "/.well-known/jwks.json")).await.json()["keys"]
            [0]
        .clone();
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
            env.deactivate_signing_key(key.id, &Expected::Any, &seed::by()).await.unwrap().unwrap();
            if deleted {
                assert!(env.delete_signing_key(key.id, &Expected::Any, &seed::by()).await.unwrap());
            }
            others.push(kid);
        }
        let path = |text: &str| json!(text);
        let mut bad: Vec<String> = [
            Value::Null,
            path(""),
            path("unknown"),
            path("../../etc/passwd"),
            path("' OR 1=1--"),
            path("a\0b"),
            path(&"k".repeat(5_000)),
            path(&"k".repeat(10_240)),
            json!(1),
            json!([forge.kid]),
            json!({}),
            path(&forge.kid.to_uppercase()),
            path(&format!("{} ", forge.kid)),
            of_beta,
        ]
        .into_iter()
        .chain(others)
        .map(|kid| forge.sign(&forge.header_but("kid", kid), &forge.claims))
        .collect();
        bad.push(server.admin_token(&server.beta).await);
        refuses(&server, &database, &forge, bad).await;
    }

    /// An ID token that somebody else made, or that is none, says nothing about anybody.
    async fn jw_hint_forged_hints_name_nobody(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let forge = Forge::with_token(&server.acme, text(&tokens, "id_token")).await;
        let good = json!({"alg": "RS256", "typ": "JWT", "kid": forge.kid});
        let but = |name: &str, value: Value| {
            let mut header = good.clone();
            header[name] = value;
            header
        };
        let pair = RS256.key_pair_from_der(forge.der()).unwrap();
        let hs256 = HS256.signer_from_bytes(pair.to_pem_public_key()).unwrap();
        let rs384 = RS384.signer_from_der(forge.der()).unwrap();
        let attacker = RS256.signer_from_der(ATTACKER.to_der_private_key()).unwrap();
        let own = serde_json::to_value(ATTACKER.to_jwk_public_key()).unwrap();
        let hint = forge.sign(&good, &forge.claims);
        let none = forge.sign(&but("alg", "none".into()), &forge.claims);
        let bad = [
            format!("{}.", none.rsplit_once('.').unwrap().0),
            signed(&hs256, &but("alg", "HS256".into()), &forge.claims),
            signed(&rs384, &but("alg", "RS384".into()), &forge.claims),
            signed(&attacker, &but("jwk", own), &forge.claims),
            forge.sign(&but("kid", "unknown".into()), &forge.claims),
            forge.sign(&but("typ", "at+jwt".into()), &forge.claims),
            text(&tokens, "access_token").to_owned(),
            format!("{}{}", &hint[..hint.len() - 9], if hint.ends_with("AAAAAAAAA") { "BBBBBBBBB" } else { "AAAAAAAAA" }),
        ];
        let before = database.dump().await;
        for hint in &bad {
            let reply = browser.authorize(&client, &[("id_token_hint", hint), ("prompt", "none")]).await;
            is_returned(&server, &reply, "invalid_request");
            let question = browser.get(&format!("/oauth/logout?id_token_hint={hint}")).await;
            is_page(&question, 200);
            assert!(!hidden(&question, "handle").is_empty(), "the person is asked");
        }
        assert_eq!(database.dump().await, before);
        assert!(browser.is_signed_in(&client).await);
        let known = browser.authorize(&client, &[("id_token_hint", &hint), ("prompt", "none")]).await;
        assert!(parameters(&known).contains_key("code"), "the forger's hand is good");
        is_page(&browser.get(&format!("/oauth/logout?id_token_hint={hint}")).await, 200);
        assert!(!browser.is_signed_in(&client).await);
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
        bad.extend([
            same_bytes,
            format!("{good}="),
            format!("{good}=="),
            format!("{good}AAAA"),
            format!("{good}A"),
            format!("{message}."),
            format!("{message}.{}", encode(vec![0; 256])),
            format!("{message}.{}", encode(vec![0xff; 256])),
            good.replace('-', "+").replace('_', "/") + "==",
        ]);
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
        let head = format!("Authorization: Bearer {}\r\n", "x".repeat(200_000));
        let huge = exchange(server.address, request("GET /api/users", &server.acme.host, &head, "")).await;
        assert!(statuses(&huge).iter().all(|status| [400, 401, 413, 431].contains(status)), "{huge}");
    }
}

/// A token of these very texts, truly signed.
fn raw(forge: &Forge, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = RS256.signer_from_der(forge.der()).unwrap().sign(message.as_bytes()).unwrap();
    format!("{message}.{}", encode(signature))
}
