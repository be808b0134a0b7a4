use std::collections::HashSet;
use std::fmt::{Debug, Display};

use serde::Serialize;

use super::*;
use crate::keys::PrivateKeyDer;
use crate::seal::MasterKey;

/// Fails to compile when `$type` has one of the traits: then two candidates fit, and `_` cannot be inferred.
macro_rules! assert_lacks {
    ($type:ty: $($bound:path),+) => {{
        trait Lacks<Candidate> {
            fn check() {}
        }
        impl<T: ?Sized> Lacks<()> for T {}
        $({
            struct Has;
            impl<T: ?Sized + $bound> Lacks<Has> for T {}
        })+
        <$type as Lacks<_>>::check();
    }};
}

#[test]
fn lg_debug_secret_types_print_redacted() {
    fn shows<T: Debug>(value: T) -> String {
        format!("{value:?}")
    }
    for shown in [
        shows(Secret::from("hunter2".to_owned())),
        shows(SecretHash::of("hunter2")),
        shows(MasterKey::generate().unwrap()),
        shows(MasterKey::generate().unwrap().to_base64()),
        shows(PrivateKeyDer::from(vec![1, 2, 3])),
    ] {
        assert_eq!(shown, "[redacted]");
    }
}

#[test]
fn lg_debug_secret_types_cannot_be_printed_written_or_compared() {
    assert_lacks!(Secret: Display, Serialize, PartialEq, Clone);
    assert_lacks!(SecretHash: Display, Serialize);
    assert_lacks!(MasterKey: Display, Serialize, PartialEq, Clone);
    assert_lacks!(PrivateKeyDer: Display, Serialize, PartialEq, Clone);
    assert_lacks!(crate::keys::SigningKey: Display, Serialize, PartialEq);
}

#[test]
fn a_generated_secret_is_of_its_kind_and_no_other() {
    for kind in SecretKind::ALL {
        let secret = generate(kind).unwrap();
        let text = secret.expose();
        assert_eq!(text.len(), 7 + 43);
        assert_eq!(URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.prefix()).unwrap()).unwrap().len(), 32);
        assert_eq!(SecretKind::of(text), Some(kind));
    }
    let prefixes: HashSet<_> = SecretKind::ALL.map(SecretKind::prefix).into();
    let known =
        ["pay_at_", "pay_rt_", "pay_ac_", "pay_cs_", "pay_se_", "pay_in_", "pay_ri_", "pay_rg_", "pay_ec_", "pay_pr_"];
    assert_eq!(prefixes, HashSet::from(known));
}

#[test]
fn what_cannot_have_been_generated_is_of_no_kind() {
    let secret = generate(SecretKind::AccessToken).unwrap();
    let text = secret.expose();
    let rest = &text[7..];
    for other in [
        "",
        "pay_at_",
        rest,
        &text[..49],
        &format!("{text}A"),
        &format!(" {text}"),
        &format!("{text}\n"),
        &format!("PAY_AT_{rest}"),
        &format!("pay_xx_{rest}"),
        &format!("{}=", &text[..49]),
        &format!("{}+", &text[..49]),
        &format!("{}é", &text[..48]),
    ] {
        assert_eq!(SecretKind::of(other), None, "{other:?}");
    }
}

#[test]
fn identifiers_are_distinct_url_safe_and_no_command_line_options() {
    let mut seen = HashSet::new();
    for _ in 0..500 {
        for (text, length) in [(identifier().unwrap(), 32), (kid().unwrap(), 11)] {
            assert_eq!(text.len(), length);
            assert!(is_url_safe(&text) && !text.starts_with('-'), "{text}");
            assert!(seen.insert(text));
        }
    }
}

#[test]
fn random_bytes_differ_every_time() {
    let draws: HashSet<[u8; 16]> = (0..100).map(|_| random_bytes().unwrap()).collect();
    assert_eq!(draws.len(), 100);
}

#[test]
fn st_compare_a_hash_matches_its_secret_alone() {
    let hash = SecretHash::of("abc");
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash.as_bytes().map(|byte| format!("{byte:02x}")).concat(), known);
    assert!(hash.matches("abc"));
    for other in ["", "ab", "abd", "abc ", "ABC"] {
        assert!(!hash.matches(other));
    }
    assert_eq!(SecretHash::from_bytes(*hash.as_bytes()), hash);
    for index in 0..32 {
        let mut bytes = *hash.as_bytes();
        bytes[index] ^= 1;
        assert_ne!(SecretHash::from_bytes(bytes), hash);
    }
}
