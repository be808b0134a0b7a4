use std::collections::HashSet;

use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey};
use openssl::pkey_ctx::{HkdfMode, PkeyCtx};
use openssl::sign::Signer;

use super::*;

const AAD: &[u8] = b"environment-1|key-1|signing";

fn fixed() -> MasterKey {
    MasterKey(Zeroizing::new(std::array::from_fn(|index| index as u8)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_sealed_can_be_opened() {
    let key = MasterKey::generate().unwrap();
    for plaintext in [&b""[..], b"x", &[7; 5000]] {
        let sealed = key.seal(AAD, plaintext).unwrap();
        assert_eq!(sealed.len(), plaintext.len() + 29);
        assert_eq!(key.unseal(AAD, &sealed).unwrap().as_slice(), plaintext);
    }
}

#[test]
fn what_earlier_versions_sealed_can_still_be_opened() {
    // Made with Python's cryptography and with Node's crypto, which agree: rows in databases have this form.
    let sealed = "0109090909090909090909090938a2ec8e8d9c311ef9d126e14e0cb6b1f450906e87be4d3b193098";
    let sealed: Vec<u8> =
        (0..sealed.len()).step_by(2).map(|index| u8::from_str_radix(&sealed[index..index + 2], 16).unwrap()).collect();
    assert_eq!(fixed().unseal(AAD, &sealed).unwrap().as_slice(), b"private key");
    assert_eq!(fixed().id(), "330882e73ab1689f");
}

#[test]
fn ky_kek_wrong_key_or_place_opens_nothing() {
    let key = MasterKey::generate().unwrap();
    let sealed = key.seal(AAD, b"private key").unwrap();
    assert!(matches!(MasterKey::generate().unwrap().unseal(AAD, &sealed), Err(Error::Unseal)));
    for place in
        [&b""[..], b"environment-2|key-1|signing", b"environment-1|key-2|signing", b"environment-1|key-1|signing "]
    {
        assert!(matches!(key.unseal(place, &sealed), Err(Error::Unseal)));
    }
    assert!(key.unseal(AAD, &sealed).is_ok());
}

#[test]
fn ky_kek_wrong_texts_are_no_master_key() {
    for text in [
        "",
        "change-me",
        "not base64 !",
        &STANDARD.encode([0; 32]),
        &STANDARD.encode([0xff; 32]),
        &STANDARD.encode(b"abababababababababababababababab"),
        &STANDARD.encode(&fixed().0[..31]),
        &STANDARD.encode([fixed().0.as_slice(), &[32]].concat()),
    ] {
        assert!(matches!(MasterKey::from_base64(text), Err(Error::MasterKey(_))), "{text}");
    }
}

#[test]
fn a_master_key_is_read_in_any_spelling_of_base64() {
    // 0xfb.. gives the characters in which the two alphabets differ.
    let bytes: [u8; 32] = std::array::from_fn(|index| 0xfb_u8.wrapping_sub(index as u8));
    for text in [
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        format!(" {}\n", STANDARD.encode(bytes)),
    ] {
        assert_eq!(*MasterKey::from_base64(&text).unwrap().0, bytes, "{text}");
    }
    let key = MasterKey::generate().unwrap();
    assert_eq!(*MasterKey::from_base64(key.to_base64().expose()).unwrap().0, *key.0);
}

#[test]
fn damaged_bytes_do_not_open() {
    let key = MasterKey::generate().unwrap();
    let sealed = key.seal(AAD, b"private key").unwrap();
    for index in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[index] ^= 1;
        assert!(matches!(key.unseal(AAD, &damaged), Err(Error::Unseal)), "{index}");
        assert!(matches!(key.unseal(AAD, &sealed[..index]), Err(Error::Unseal)), "{index}");
    }
    assert!(key.unseal(AAD, &[sealed.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn sealing_twice_gives_different_bytes_that_hide_the_plaintext() {
    let key = MasterKey::generate().unwrap();
    let sealed: HashSet<_> = (0..100).map(|_| key.seal(AAD, b"private key").unwrap()).collect();
    let nonces: HashSet<_> = sealed.iter().map(|sealed| sealed[1..13].to_vec()).collect();
    assert_eq!((sealed.len(), nonces.len()), (100, 100));
    assert!(sealed.iter().all(|sealed| !sealed.windows(11).any(|window| window == b"private key")));
}

#[test]
fn derived_keys_are_hkdf_expand() {
    let by_openssl = |purpose: &str| {
        let mut context = PkeyCtx::new_id(Id::HKDF).unwrap();
        context.derive_init().unwrap();
        context.set_hkdf_mode(HkdfMode::EXPAND_ONLY).unwrap();
        context.set_hkdf_md(openssl::md::Md::sha256()).unwrap();
        context.set_hkdf_key(fixed().0.as_slice()).unwrap();
        context.add_hkdf_info(purpose.as_bytes()).unwrap();
        let mut derived = [0; 32];
        context.derive(Some(&mut derived)).unwrap();
        derived
    };
    for purpose in ["seal", "id", "cursor", "a rather long purpose that fills more than one block of SHA-256 input"] {
        assert_eq!(fixed().derive(purpose), by_openssl(purpose), "{purpose}");
    }
}

#[test]
fn a_key_id_names_one_key() {
    let id = fixed().id();
    assert_eq!(id.len(), 16);
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(id, fixed().id());
    assert_ne!(id, MasterKey::generate().unwrap().id());
    assert!(!hex(fixed().0.as_slice()).contains(&id) && !hex(&fixed().derive("seal")).contains(&id));
}

#[test]
fn mac_gives_the_values_of_rfc_4231() {
    // Test cases 1 and 2; a shorter key is padded with zeros by HMAC itself.
    let pad = |key: &[u8]| {
        let mut padded = [0; 32];
        padded[..key.len()].copy_from_slice(key);
        padded
    };
    assert_eq!(
        hex(&mac(&pad(&[0x0b; 20]), b"Hi There")),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
    assert_eq!(
        hex(&mac(&pad(b"Jefe"), b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn mac_agrees_with_openssl_at_every_length() {
    let key = random_bytes::<32>().unwrap();
    let hmac = PKey::hmac(&key).unwrap();
    for length in 0..200 {
        let message = vec![0xa5; length];
        let mut signer = Signer::new(MessageDigest::sha256(), &hmac).unwrap();
        signer.update(&message).unwrap();
        assert_eq!(signer.sign_to_vec().unwrap(), mac(&key, &message), "{length}");
    }
}

#[test]
fn st_compare_a_mac_is_verified_whole() {
    let key = random_bytes::<32>().unwrap();
    let tag = mac(&key, b"cursor");
    assert!(verify_mac(&key, b"cursor", &tag));
    assert!(!verify_mac(&key, b"cursors", &tag));
    assert!(!verify_mac(&key, b"cursor", &tag[..31]));
    assert!(!verify_mac(&key, b"cursor", b""));
    for index in 0..32 {
        let mut other = tag;
        other[index] ^= 1;
        assert!(!verify_mac(&key, b"cursor", &other));
    }
}

#[test]
fn a_secret_makes_one_key_and_its_hash_is_not_that_key() {
    let (secret, other) = ("pay_rt_one", "pay_rt_two");
    let sealed = MasterKey::of_secret(secret).seal(AAD, b"response").unwrap();
    assert_eq!(MasterKey::of_secret(secret).unseal(AAD, &sealed).unwrap().as_slice(), b"response");
    assert!(matches!(MasterKey::of_secret(other).unseal(AAD, &sealed), Err(Error::Unseal)));
    let stored = crate::secret::SecretHash::of(secret);
    let from_the_database = MasterKey(Zeroizing::new(*stored.as_bytes()));
    assert!(matches!(from_the_database.unseal(AAD, &sealed), Err(Error::Unseal)));
}

#[test]
fn a_sub_key_is_a_key_of_its_own() {
    let key = MasterKey::generate().unwrap();
    let sealed = key.sub_key("one").seal(AAD, b"x").unwrap();
    assert_eq!(key.sub_key("one").unseal(AAD, &sealed).unwrap().as_slice(), b"x");
    for other in [&key, &key.sub_key("two"), &MasterKey::generate().unwrap().sub_key("one")] {
        assert!(matches!(other.unseal(AAD, &sealed), Err(Error::Unseal)));
    }
}

#[test]
fn the_key_of_a_secret_is_hkdf_extract() {
    let mut context = PkeyCtx::new_id(Id::HKDF).unwrap();
    context.derive_init().unwrap();
    context.set_hkdf_mode(HkdfMode::EXTRACT_ONLY).unwrap();
    context.set_hkdf_md(openssl::md::Md::sha256()).unwrap();
    context.set_hkdf_salt(SECRET_SALT).unwrap();
    context.set_hkdf_key(b"pay_rt_one").unwrap();
    let mut expected = [0; 32];
    context.derive(Some(&mut expected)).unwrap();
    assert_eq!(*MasterKey::of_secret("pay_rt_one").0, expected);
}
