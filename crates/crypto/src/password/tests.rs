use argon2::PasswordHasher as _;

use super::*;

/// From the reference implementation's own test suite (P-H-C/phc-winner-argon2, src/test.c).
const REFERENCE: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

#[test]
fn a_hash_is_argon2id_at_the_recommended_cost() {
    let hash = Passwords::default().hash("correct horse").unwrap();
    let rest = hash.strip_prefix("$argon2id$v=19$m=19456,t=2,p=1$").unwrap();
    let (salt, tag) = rest.split_once('$').unwrap();
    assert_eq!((salt.len(), tag.len()), (22, 43), "16 bytes of salt, 32 bytes of tag");
}

#[test]
fn the_password_and_no_other_is_valid() {
    let passwords = Passwords::insecure_for_tests();
    let hash = passwords.hash("correct horse").unwrap();
    assert_eq!(passwords.verify("correct horse", &hash).unwrap(), Verification::Valid);
    for wrong in ["", "Correct horse", "correct horse ", "correct horse\0", "correct"] {
        assert_eq!(passwords.verify(wrong, &hash).unwrap(), Verification::Invalid, "{wrong:?}");
    }
}

#[test]
fn lo_unicode_spellings_of_one_text_are_one_password() {
    let passwords = Passwords::insecure_for_tests();
    let hash = passwords.hash("caf\u{e9} \u{1f642}").unwrap();
    assert_eq!(passwords.verify("cafe\u{301} \u{1f642}", &hash).unwrap(), Verification::Valid);
    for wrong in ["cafe \u{1f642}", " caf\u{e9} \u{1f642}", "caf\u{e9} \u{1f642} ", "caf\u{e9} \u{1f643}"] {
        assert_eq!(passwords.verify(wrong, &hash).unwrap(), Verification::Invalid, "{wrong:?}");
    }
}

#[test]
fn the_same_password_is_hashed_under_a_new_salt_each_time() {
    let passwords = Passwords::insecure_for_tests();
    assert_ne!(passwords.hash("correct horse").unwrap(), passwords.hash("correct horse").unwrap());
}

#[test]
fn a_long_password_is_not_cut_off() {
    let passwords = Passwords::insecure_for_tests();
    let long = "x".repeat(1000);
    let hash = passwords.hash(&long).unwrap();
    assert_eq!(passwords.verify(&long[..999], &hash).unwrap(), Verification::Invalid);
    assert_eq!(passwords.verify(&long, &hash).unwrap(), Verification::Valid);
}

#[test]
fn a_hash_weaker_in_any_respect_is_valid_but_outdated() {
    let at = |memory, passes| Passwords::with(Params::new(memory, passes, 1, None).unwrap());
    let passwords = at(16, 2);
    let salt = [7; 16];
    let made = |algorithm, version, salt: &[u8], tag| {
        let argon2 = Argon2::new(algorithm, version, Params::new(16, 2, 1, Some(tag)).unwrap());
        argon2.hash_password_with_salt(b"correct horse", salt).unwrap().to_string()
    };
    let by = |algorithm, version| made(algorithm, version, &salt, 32);
    let short_salt = made(Algorithm::Argon2id, Version::V0x13, &salt[..15], 32);
    let short_tag = made(Algorithm::Argon2id, Version::V0x13, &salt, 31);
    for weak in [
        at(15, 2).hash("correct horse").unwrap(),
        at(16, 1).hash("correct horse").unwrap(),
        at(32, 1).hash("correct horse").unwrap(),
        by(Algorithm::Argon2i, Version::V0x13),
        by(Algorithm::Argon2d, Version::V0x13),
        by(Algorithm::Argon2id, Version::V0x10),
        short_salt,
        short_tag,
    ] {
        assert_eq!(passwords.verify("correct horse", &weak).unwrap(), Verification::ValidButOutdated, "{weak}");
        assert_eq!(passwords.verify("wrong", &weak).unwrap(), Verification::Invalid, "{weak}");
    }
    for strong in [at(16, 2), at(17, 2), at(32, 3)].map(|other| other.hash("correct horse").unwrap()) {
        assert_eq!(passwords.verify("correct horse", &strong).unwrap(), Verification::Valid, "{strong}");
    }
}

#[test]
fn the_reference_hash_is_verified() {
    let passwords = Passwords::default();
    assert_eq!(passwords.verify("password", REFERENCE).unwrap(), Verification::ValidButOutdated, "its salt is short");
    assert_eq!(passwords.verify("Password", REFERENCE).unwrap(), Verification::Invalid);
}

#[test]
fn what_is_no_complete_hash_is_an_error() {
    let passwords = Passwords::insecure_for_tests();
    let hash = passwords.hash("correct horse").unwrap();
    for broken in [
        "",
        "correct horse",
        "$2b$16$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$argon2id$v=18$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &hash[..hash.rfind('$').unwrap()],
        &format!("{hash}$x"),
    ] {
        assert!(passwords.verify("correct horse", broken).is_err(), "{broken}");
    }
}

#[test]
fn nobody_costs_what_a_new_hash_costs_and_never_signs_in() {
    for passwords in [Passwords::default(), Passwords::insecure_for_tests()] {
        let cost = |phc: &str| phc.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&passwords.nobody), cost(&passwords.hash("correct horse").unwrap()));
        assert_eq!(passwords.verify_anyone("correct horse", None).unwrap(), Verification::Invalid);
        let stored = Stored::parse(&passwords.nobody).unwrap();
        assert!(!passwords.is_outdated(&stored), "as long in salt and tag as a real one");
    }
}

#[test]
fn hashes_made_elsewhere_are_taken_at_a_bearable_cost() {
    let argon2 = |name, memory, passes, lanes| {
        format!("${name}$v=19$m={memory},t={passes},p={lanes}${}${}", "A".repeat(22), "A".repeat(43))
    };
    let bcrypt = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW";
    for good in [
        &argon2("argon2id", 131_072, 4, 4),
        &argon2("argon2i", 4_096, 3, 1),
        &argon2("argon2d", 65_536, 2, 1),
        &argon2("argon2i", 512, 2, 2).replace("$v=19", ""),
        &REFERENCE.to_owned(),
        &bcrypt.to_owned(),
    ] {
        assert!(check_import(good).is_ok(), "{good}");
    }
    for bad in [
        argon2("argon2id", 131_073, 1, 1),
        argon2("argon2id", 131_072, 9, 1),
        argon2("argon2id", 65_536, 2, 17),
        argon2("argon2x", 4_096, 3, 1),
        argon2("argon2id", 4_096, 3, 1).replace(&"A".repeat(43), "AAAAAAAAAAAA"),
        bcrypt.replace("$12$", "$31$"),
        "plain text".to_owned(),
    ] {
        assert!(check_import(&bad).is_err(), "{bad}");
    }
    let passwords = Passwords::insecure_for_tests();
    assert_eq!(passwords.verify("correct horse", bcrypt).unwrap(), Verification::Invalid);
}
