use josekit::jws::{ES256, JwsSigner, PS256, RS384, RS512};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::*;

/// A token under a header with this `alg`, signed by any means.
fn signed_by(alg: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let header = json!({"alg": alg, "typ": "at+jwt", "kid": "key-1"}).to_string();
    let signed = format!("{}.{}", encode(header), encode(good_claims().to_string()));
    format!("{signed}.{}", encode(sign(signed.as_bytes())))
}

#[test]
fn jw_none_no_spelling_of_none_is_an_algorithm() {
    let algs = [json!("none"), json!("None"), json!("nOnE"), json!(""), json!(["RS256"]), json!(null), json!("rs256")];
    let mut headers: Vec<_> =
        algs.into_iter().map(|alg| json!({"alg": alg, "typ": "at+jwt", "kid": "key-1"})).collect();
    headers.push(json!({"typ": "at+jwt", "kid": "key-1"}));
    for header in headers {
        let signed = forge_header(&header);
        let unsigned = &signed[..=signed.rfind('.').unwrap()];
        assert_eq!(accept(&signed), Err(TokenError::Algorithm), "{header}");
        assert_eq!(accept(unsigned), Err(TokenError::Algorithm), "{header}");
    }
    let good = forge_claims(&good_claims());
    assert_eq!(accept(&good[..=good.rfind('.').unwrap()]), Err(TokenError::Signature));
}

#[test]
fn jw_hs_the_public_key_is_no_hmac_secret() {
    let jwk = key().public().to_jwk();
    let private = PKey::private_key_from_pkcs8(key_der().as_bytes()).unwrap();
    let secrets = [
        private.public_key_to_pem().unwrap(),
        private.public_key_to_der().unwrap(),
        serde_json::to_vec(&jwk).unwrap(),
        URL_SAFE_NO_PAD.decode(&jwk.n).unwrap(),
        // The empty secret: HMAC pads with zeros, and OpenSSL takes no empty one.
        vec![0],
    ];
    let digests =
        [("HS256", MessageDigest::sha256()), ("HS384", MessageDigest::sha384()), ("HS512", MessageDigest::sha512())];
    for secret in &secrets {
        let hmac = PKey::hmac(secret).unwrap();
        for (alg, digest) in digests {
            let sign = |message: &[u8]| Signer::new(digest, &hmac).unwrap().sign_oneshot_to_vec(message).unwrap();
            assert_eq!(accept(&signed_by(alg, sign)), Err(TokenError::Algorithm), "{alg}");
            assert_eq!(accept(&signed_by("RS256", sign)), Err(TokenError::Signature), "{alg} as RS256");
        }
    }
}

#[test]
fn jw_alg_swap_one_key_has_one_algorithm() {
    let der = key_der().as_bytes();
    let ec = ES256.generate_key_pair().unwrap().to_der_private_key();
    let signers: [(&str, Box<dyn JwsSigner>); 4] = [
        ("RS384", Box::new(RS384.signer_from_der(der).unwrap())),
        ("RS512", Box::new(RS512.signer_from_der(der).unwrap())),
        ("PS256", Box::new(PS256.signer_from_der(der).unwrap())),
        ("ES256", Box::new(ES256.signer_from_der(ec).unwrap())),
    ];
    for (alg, signer) in signers {
        let sign = |message: &[u8]| signer.sign(message).unwrap();
        assert_eq!(accept(&signed_by(alg, sign)), Err(TokenError::Algorithm), "{alg}");
        assert_eq!(accept(&signed_by("RS256", sign)), Err(TokenError::Signature), "{alg} as RS256");
    }
}

#[test]
fn jw_embedded_a_token_brings_no_key_of_its_own() {
    let jwk = serde_json::to_value(attacker().public().to_jwk()).unwrap();
    let members = [
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ];
    for (name, value) in members {
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "key-1", name: value}).to_string();
        for signer in [key(), attacker()] {
            let token = forge_by(signer, &header, &good_claims().to_string());
            assert_eq!(accept(&token), Err(TokenError::Header), "{name}");
        }
    }
}

#[test]
fn jw_kid_only_a_plain_known_kid_is_followed() {
    let bad = [
        json!("../../etc/passwd"),
        json!("' OR 1=1--"),
        json!("key-1\0"),
        json!(""),
        json!("k".repeat(65)),
        json!(1),
        json!(["key-1"]),
        json!(null),
    ];
    for kid in bad {
        let token = forge_header(&json!({"alg": "RS256", "typ": "at+jwt", "kid": kid}));
        assert_eq!(UnverifiedToken::parse(&token).err(), Some(TokenError::Key), "{kid}");
    }
    let missing = forge_header(&json!({"alg": "RS256", "typ": "at+jwt"}));
    assert_eq!(accept(&missing), Err(TokenError::Key));
    let huge = forge_header(&json!({"alg": "RS256", "typ": "at+jwt", "kid": "k".repeat(10 * 1024)}));
    assert_eq!(accept(&huge), Err(TokenError::TooLong));
}

#[test]
fn jw_kid_of_another_key_is_not_verified_with_this_one() {
    let longest = "k".repeat(64);
    let token = forge_header(&json!({"alg": "RS256", "typ": "at+jwt", "kid": longest}));
    assert_eq!(UnverifiedToken::parse(&token).unwrap().kid(), longest);
    assert_eq!(accept(&token), Err(TokenError::Key), "rightly signed, but under another kid");
    let stolen = forge_by(attacker(), HEADER, &good_claims().to_string());
    assert_eq!(accept(&stolen), Err(TokenError::Signature), "our kid over another key's signature");
}

#[test]
fn jw_typ_one_kind_of_token_is_not_taken_for_another() {
    for typ in ["JWT", "jwt", "", "logout+jwt", "at+jwt ", "application/", "application/application/at+jwt"] {
        assert_eq!(accept(&sign(key(), typ, &good_claims()).unwrap()), Err(TokenError::Type), "{typ}");
    }
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert_eq!(accept(&sign(key(), typ, &good_claims()).unwrap()), Ok(good_claims()), "{typ}");
    }
    let access_token = sign(key(), "at+jwt", &good_claims()).unwrap();
    let as_hint = Expect { typ: "JWT", ..expect() };
    assert_eq!(accept_as(&access_token, &as_hint), Err(TokenError::Type));
    assert_eq!(accept_as(&sign(key(), "JWT", &good_claims()).unwrap(), &as_hint), Ok(good_claims()));
    for header in [json!({"alg": "RS256", "kid": "key-1"}), json!({"alg": "RS256", "kid": "key-1", "typ": ["at+jwt"]})]
    {
        assert_eq!(accept(&forge_header(&header)), Err(TokenError::Type), "{header}");
    }
}

#[test]
fn jw_crit_no_extension_is_understood() {
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!("x")),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "key-1", name: value});
        assert_eq!(accept(&forge_header(&header)), Err(TokenError::Header), "{header}");
    }
}

#[test]
fn an_unknown_header_member_is_ignored() {
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "key-1", "cty": "json"});
    assert_eq!(accept(&forge_header(&header)), Ok(good_claims()));
}
