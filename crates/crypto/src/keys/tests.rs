use std::collections::BTreeSet;

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use serde_json::json;

use super::*;
use crate::jwks::JwkSet;
use crate::testing::{key, key_der};

fn pkcs8(rsa: Rsa<Private>) -> PrivateKeyDer {
    PKey::from_rsa(rsa).unwrap().private_key_to_pkcs8().unwrap().into()
}

fn refusal(der: &PrivateKeyDer) -> String {
    SigningKey::from_der("key-1".to_owned(), der).unwrap_err().to_string()
}

#[test]
fn ky_size_only_three_sizes_exist() {
    for (bits, size) in [(2048, KeySize::Rsa2048), (3072, KeySize::Rsa3072), (4096, KeySize::Rsa4096)] {
        assert_eq!(KeySize::try_from(bits).unwrap(), size);
        assert_eq!(size.bits(), bits);
    }
    for bits in [0, 512, 1024, 2028, 2047, 2049, 8192, u32::MAX] {
        assert!(KeySize::try_from(bits).is_err(), "{bits}");
    }
}

#[test]
fn ky_size_a_generated_key_has_exactly_the_size_asked_for() {
    assert_eq!(key().public().size(), KeySize::Rsa2048);
    for size in [KeySize::Rsa3072, KeySize::Rsa4096] {
        let (made, der) = SigningKey::generate("large".to_owned(), size).unwrap();
        let read = SigningKey::from_der("large".to_owned(), &der).unwrap();
        assert_eq!((made.public().size(), read.public().size()), (size, size));
        let signature = made.sign(b"message").unwrap();
        assert_eq!(signature.len() * 8, size.bits() as usize);
        assert!(read.public().verifies(b"message", &signature));
        assert!(!read.public().verifies(b"massage", &signature));
    }
}

#[test]
fn ky_size_a_modulus_of_another_length_is_refused() {
    for bits in [1024, 2040, 2056] {
        assert!(refusal(&pkcs8(Rsa::generate(bits).unwrap())).contains("2048, 3072 or 4096"), "{bits}");
    }
}

#[test]
fn ky_size_another_exponent_is_refused() {
    let rsa = Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap();
    assert!(refusal(&pkcs8(rsa)).contains("65537"));
}

#[test]
fn ky_size_primes_must_differ_and_make_up_the_modulus() {
    let ours = PKey::private_key_from_pkcs8(key_der().as_bytes()).unwrap().rsa().unwrap();
    let number = |value: &BigNumRef| value.to_owned().unwrap();
    let (p, q) = (ours.p().unwrap(), ours.q().unwrap());
    let square: BigNum = p * p;
    let with = |n: BigNum, p: BigNum, q: BigNum| {
        let (dp, dq, qi) = (ours.dmp1().unwrap(), ours.dmq1().unwrap(), ours.iqmp().unwrap());
        let (e, d) = (number(ours.e()), number(ours.d()));
        pkcs8(Rsa::from_private_components(n, e, d, p, q, number(dp), number(dq), number(qi)).unwrap())
    };
    assert!(SigningKey::from_der("key-1".to_owned(), &with(number(ours.n()), number(p), number(q))).is_ok());
    assert!(refusal(&with(square, number(p), number(p))).contains("primes"));
    assert!(refusal(&with(number(ours.n()), number(p), number(p))).contains("primes"));
}

#[test]
fn other_private_keys_are_refused() {
    let ec = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    let ec = PKey::from_ec_key(ec).unwrap().private_key_to_pkcs8().unwrap();
    assert!(refusal(&ec.into()).contains("not an RSA key"));
    assert!(refusal(&b"junk".to_vec().into()).contains("PKCS#8"));
    assert!(refusal(&Vec::new().into()).contains("PKCS#8"));
}

#[test]
fn a_kid_is_short_and_url_safe() {
    for kid in ["", "a b", "a/b", "ä", &"k".repeat(65)] {
        assert!(matches!(SigningKey::from_der(kid.to_owned(), key_der()), Err(Error::KeyId)), "{kid}");
        assert!(matches!(SigningKey::generate(kid.to_owned(), KeySize::Rsa2048), Err(Error::KeyId)), "{kid}");
        let jwk = Jwk { kid: kid.to_owned(), ..key().public().to_jwk() };
        assert!(matches!(PublicKey::from_jwk(&jwk), Err(Error::KeyId)), "{kid}");
    }
}

#[test]
fn ky_never_out_jwk_has_only_public_members() {
    let jwk = key().public().to_jwk();
    let document = serde_json::to_value(JwkSet { keys: vec![jwk.clone()] }).unwrap();
    let members: BTreeSet<_> = document["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["alg", "e", "kid", "kty", "n", "use"]));
    assert_eq!((jwk.kty.as_str(), jwk.alg.as_str(), jwk.key_use.as_str()), ("RSA", "RS256", "sig"));
    assert_eq!((jwk.kid.as_str(), jwk.e.as_str(), jwk.n.len()), ("key-1", "AQAB", 342));

    let mut with_private = serde_json::to_value(&jwk).unwrap();
    with_private["d"] = json!("c2VjcmV0");
    let read: Jwk = serde_json::from_value(with_private).unwrap();
    assert_eq!(read, jwk);
    assert!(!serde_json::to_string(&read).unwrap().contains("c2VjcmV0"));
}

#[test]
fn a_published_key_verifies_what_the_private_one_signs() {
    let public = PublicKey::from_jwk(&key().public().to_jwk()).unwrap();
    assert_eq!(public.to_jwk(), key().public().to_jwk());
    assert!(public.verifies(b"message", &key().sign(b"message").unwrap()));
    assert!(!public.verifies(b"message", &crate::testing::attacker().sign(b"message").unwrap()));
}

#[test]
fn a_published_key_of_another_form_is_refused() {
    let good = key().public().to_jwk();
    let leading_zero = URL_SAFE_NO_PAD.encode([&[0], &URL_SAFE_NO_PAD.decode(&good.n).unwrap()[..]].concat());
    let text = str::to_owned;
    let others = [
        Jwk { kty: text("oct"), ..good.clone() },
        Jwk { alg: text("RS512"), ..good.clone() },
        Jwk { alg: text("none"), ..good.clone() },
        Jwk { key_use: text("enc"), ..good.clone() },
        Jwk { e: text("Aw"), ..good.clone() },
        Jwk { e: text("AAEAAQ"), ..good.clone() },
        Jwk { e: text(""), ..good.clone() },
        Jwk { n: leading_zero, ..good.clone() },
        Jwk { n: format!("{}==", good.n), ..good.clone() },
        Jwk { n: text(""), ..good.clone() },
        Jwk { n: text("AQAB"), ..good.clone() },
    ];
    for other in others {
        assert!(PublicKey::from_jwk(&other).is_err(), "{other:?}");
    }
}

#[test]
fn a_set_leaves_out_keys_of_unknown_form() {
    let ours = key().public().to_jwk();
    let document = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, ours, 7]});
    assert_eq!(serde_json::from_value::<JwkSet>(document).unwrap(), JwkSet { keys: vec![ours] });
    assert!(serde_json::from_value::<JwkSet>(json!({})).is_err());
}

#[test]
fn lg_debug_keys_show_their_kid_and_nothing_private() {
    assert_eq!(format!("{:?}", key_der()), "[redacted]");
    assert_eq!(format!("{:?}", key()), r#"SigningKey { kid: "key-1", private: "[redacted]" }"#);
}
