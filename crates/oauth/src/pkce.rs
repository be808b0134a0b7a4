//! Proof Key for Code Exchange (RFC 7636): `S256` and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::secret::SecretHash;

use crate::{error::Error, parameters::Parameters};

/// The challenge of an authorization request. It is the SHA-256 of the verifier, and kept like any hash of a secret.
pub(crate) fn challenge(parameters: &Parameters, required: bool) -> Result<Option<SecretHash>, Error> {
    let method = parameters.get("code_challenge_method");
    let Some(challenge) = parameters.get("code_challenge") else {
        return match required || method.is_some() {
            true => Err(Error::invalid_request("The parameter code_challenge is missing.")),
            false => Ok(None),
        };
    };
    if method != Some("S256") {
        return Err(Error::invalid_request("The code_challenge_method must be S256."));
    }
    let bytes = URL_SAFE_NO_PAD.decode(challenge).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or(Error::invalid_request("The code_challenge must be a SHA-256 hash in base64url."))?;
    Ok(Some(SecretHash::from_bytes(bytes)))
}

/// What a verifier proves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The sender of the authorization request sent it, or neither uses PKCE.
    Given,
    /// It is well-formed and not the right one: a guess.
    Wrong,
    /// It is missing, malformed, or there was no challenge (RFC 9700 section 4.8.2).
    Unfit,
}

/// Compares a verifier with the challenge of the authorization request.
pub(crate) fn proof(challenge: Option<&SecretHash>, verifier: Option<&str>) -> Proof {
    match (challenge, verifier) {
        (None, None) => Proof::Given,
        (Some(challenge), Some(verifier)) if is_verifier(verifier) => match challenge.matches(verifier) {
            true => Proof::Given,
            false => Proof::Wrong,
        },
        _ => Proof::Unfit,
    }
}

/// 43 to 128 unreserved characters (RFC 7636 section 4.1).
fn is_verifier(verifier: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn ask(challenge: &str, method: &str) -> Result<Option<SecretHash>, Error> {
        let form = format!("code_challenge={challenge}&code_challenge_method={method}");
        super::challenge(&Parameters::from_form(form.as_bytes()).unwrap(), false)
    }

    #[test]
    fn the_example_of_the_rfc_is_proven() {
        let challenge = ask(CHALLENGE, "S256").unwrap();
        assert_eq!(proof(challenge.as_ref(), Some(VERIFIER)), Proof::Given);
        assert_eq!(proof(challenge.as_ref(), Some(CHALLENGE)), Proof::Wrong);
    }

    #[test]
    fn pk_len_a_verifier_has_43_to_128_unreserved_characters() {
        for length in [43, 128] {
            let verifier = "~".repeat(length);
            assert_eq!(proof(Some(&SecretHash::of(&verifier)), Some(&verifier)), Proof::Given);
        }
        for bad in ["a".repeat(42), "a".repeat(129), format!("{} ", "a".repeat(43)), "é".repeat(43), "+".repeat(43)] {
            assert_eq!(proof(Some(&SecretHash::of(&bad)), Some(&bad)), Proof::Unfit, "{bad}");
        }
    }

    #[test]
    fn pk_downgrade_both_or_neither() {
        assert_eq!(proof(None, None), Proof::Given);
        assert_eq!(proof(None, Some(VERIFIER)), Proof::Unfit);
        assert_eq!(proof(Some(&SecretHash::of(VERIFIER)), None), Proof::Unfit);
    }
}
