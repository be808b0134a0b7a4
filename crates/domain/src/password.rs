//! What a password must not be: what guessers try first.

use std::sync::LazyLock;

use crate::{Invalid, user::check_password};

/// Passwords that many people have, in lower case and in order. Where they come from: `crates/domain/NOTICE`.
static COMMON: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Fewer letters than these are part of too much to be refused.
const LEAST_LETTERS: usize = 3;

/// How many characters a password has at least: the operator's word and the environment's both hold.
#[must_use]
pub fn shortest(of_operator: usize, of_environment: usize) -> usize {
    of_operator.max(of_environment)
}

/// Checks a password that somebody chooses: its length and characters ([`check_password`]), that it is not among the most
/// common ones, and that it is not the address or a name of the person or the place, with or without digits and signs
/// around it. `about` holds these: an address counts by its local part, too.
///
/// # Errors
/// The rule it breaks.
pub fn check(password: &str, minimum: usize, about: &[&str]) -> Result<(), Invalid> {
    check_password(password, minimum)?;
    if COMMON.binary_search(&password.to_lowercase().as_str()).is_ok() {
        return Err(Invalid("is one of the passwords that are guessed first; choose another"));
    }
    let chosen = letters(password);
    let mut names: Vec<String> = about.iter().map(|text| letters(text)).collect();
    names.extend(about.iter().filter_map(|text| Some(letters(text.rsplit_once('@')?.0))));
    names.retain(|name| name.chars().count() >= LEAST_LETTERS);
    let is_two = || {
        names.iter().any(|first| chosen.strip_prefix(first).is_some_and(|rest| names.iter().any(|name| name == rest)))
    };
    match names.contains(&chosen) || is_two() {
        true => Err(Invalid("is too much like your name, your address or the name of this place; choose another")),
        false => Ok(()),
    }
}

/// The letters of a text, in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_and_in_order() {
        assert!(COMMON.len() >= 3_000, "{}", COMMON.len());
        assert!(COMMON.is_sorted_by(|one, next| one < next), "each once, as a binary search needs it");
        assert!(COMMON.iter().all(|common| *common == common.to_lowercase()));
    }

    #[test]
    fn common_passwords_are_refused_however_they_are_cased() {
        for common in ["password", "12345678", "qwertyuiop", "Password1", "TRUSTNO1", "iloveyou"] {
            assert!(check(common, 8, &[]).is_err(), "{common}");
        }
        for good in ["correct horse battery", "password but longer", "12345678 and a half"] {
            assert!(check(good, 8, &[]).is_ok(), "{good}");
        }
        assert!(check("short", 8, &[]).is_err() && check("dragon", 1, &[]).is_err());
    }

    #[test]
    fn a_password_is_not_the_name_of_somebody_or_something_near() {
        let about = ["jane.doe@example.com", "Jane", "Doe", "acme-test", "Acme Works"];
        for bad in [
            "jane.doe@example.com",
            "Jane.Doe",
            "janedoe1984",
            "**JANE**2026",
            "DoeJane!1",
            "acme-test",
            "AcmeWorks2026",
            "jane@acme-test",
        ] {
            assert!(check(bad, 8, &about).is_err(), "{bad}");
        }
        for good in ["jane likes trains", "acme horse staple", "12345678901234567", "!!!!!!!!????"] {
            assert!(check(good, 8, &about).is_ok(), "{good}");
        }
        assert!(check("j1234567_x", 8, &["j@x.example", "jx"]).is_ok(), "two letters are part of everything");
    }
}
