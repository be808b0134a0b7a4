//! What the attributes of a client may be, alone and together.

use paylent_crypto::client_assertion::check_set;
use paylent_domain::{
    Invalid,
    client::{ClientType, GrantType, MAX_NAME, check_origins, check_uri, check_uris},
    resource_server::check_token_ttl,
    text,
};
use paylent_jsonapi::{Error, Errors, Field, Reader};
use serde_json::{Map, Value};

use crate::attributes::{invalid, invalid_item, list, nullable};

/// Checks a client's name.
pub(crate) fn name(name: String) -> Result<String, Invalid> {
    text::one_line(&name, MAX_NAME).map(|()| name)
}

/// Reads URIs that people are sent to.
pub(crate) fn uris(given: &mut Reader, name: &str, client_type: ClientType) -> Option<Vec<String>> {
    addresses(given, name, |uris| check_uris(uris, client_type))
}

/// Reads the origins whose scripts may read answers.
pub(crate) fn origins(given: &mut Reader) -> Option<Vec<String>> {
    addresses(given, "allowed_origins", check_origins)
}

fn addresses(
    given: &mut Reader,
    name: &str,
    check: impl FnOnce(&[String]) -> Result<(), (Option<usize>, Invalid)>,
) -> Option<Vec<String>> {
    let items = given.optional::<Vec<String>>(name)?;
    match check(&items) {
        Ok(()) => {}
        Err((Some(index), reason)) => given.refuse(invalid_item(name, index, &reason)),
        Err((None, reason)) => given.refuse(invalid(name, &reason)),
    }
    Some(items)
}

/// Reads a URI that requests are sent to, which a client need not have.
pub(crate) fn uri(given: &mut Reader, name: &str) -> Field<String> {
    nullable(given, name, |uri: String| check_uri(&uri).map(|()| uri))
}

/// Reads the public keys that a client proves itself with.
pub(crate) fn jwks(given: &mut Reader) -> Field<String> {
    nullable(given, "jwks", |set: Map<String, Value>| {
        let set = Value::from(set).to_string();
        check_set(&set).map(|()| set).map_err(Invalid)
    })
}

/// Reads the grant types.
pub(crate) fn grant_types(given: &mut Reader) -> Option<Vec<GrantType>> {
    list(given, "grant_types", |name| name.parse())
}

/// Reads the lifetime of access tokens, which a client need not have.
pub(crate) fn access_token_ttl(given: &mut Reader) -> Field<i32> {
    nullable(given, "access_token_ttl", check_token_ttl)
}

/// What must fit together in a client.
pub(crate) struct Whole<'a> {
    pub(crate) client_type: ClientType,
    pub(crate) grant_types: &'a [GrantType],
    pub(crate) require_pkce: bool,
    pub(crate) jwks: Option<&'a String>,
    pub(crate) jwks_uri: Option<&'a String>,
    /// The last of `jwks` and `jwks_uri` in the document: what to point to when there would be both.
    pub(crate) given_keys: &'static str,
}

impl Whole<'_> {
    /// Checks what must hold between the attributes.
    ///
    /// # Errors
    /// Every rule that does not hold.
    pub(crate) fn check(&self) -> Result<(), Errors> {
        const NO_KEYS: Invalid = Invalid("must be null for a public client, which cannot keep a private key");
        let has = |grant| self.grant_types.contains(&grant);
        let at = |grant| self.grant_types.iter().position(|other| *other == grant).unwrap_or_default();
        let is_public = self.client_type == ClientType::Public;
        let broken: [Option<Error>; 7] = [
            self.grant_types.is_empty().then(|| invalid("grant_types", &Invalid("must not be empty"))),
            (is_public && has(GrantType::ClientCredentials)).then(|| {
                let reason = Invalid("is client_credentials, which takes a secret that a public client does not have");
                invalid_item("grant_types", at(GrantType::ClientCredentials), &reason)
            }),
            (has(GrantType::RefreshToken) && !has(GrantType::AuthorizationCode)).then(|| {
                let reason = Invalid("is refresh_token, which needs authorization_code");
                invalid_item("grant_types", at(GrantType::RefreshToken), &reason)
            }),
            (is_public && !self.require_pkce)
                .then(|| invalid("require_pkce", &Invalid("must be true for a public client"))),
            (is_public && self.jwks.is_some()).then(|| invalid("jwks", &NO_KEYS)),
            (is_public && self.jwks_uri.is_some()).then(|| invalid("jwks_uri", &NO_KEYS)),
            (!is_public && self.jwks.is_some() && self.jwks_uri.is_some()).then(|| {
                let reason =
                    Invalid("cannot be set: a client has jwks or jwks_uri, not both. Set the other one to null");
                invalid(self.given_keys, &reason)
            }),
        ];
        broken.into_iter().flatten().collect::<Errors>().or(())
    }
}

#[cfg(test)]
mod tests {
    use GrantType::{AuthorizationCode, ClientCredentials, RefreshToken};
    use paylent_jsonapi::Location;

    use super::*;

    fn faults(client_type: ClientType, grant_types: &[GrantType], require_pkce: bool) -> Vec<Location> {
        faults_of(&Whole { client_type, grant_types, require_pkce, jwks: None, jwks_uri: None, given_keys: "jwks" })
    }

    fn faults_of(whole: &Whole<'_>) -> Vec<Location> {
        let errors = whole.check().err().unwrap_or_default();
        errors.iter().map(|error| error.location().unwrap().clone()).collect()
    }

    fn pointer(at: &str) -> Vec<Location> {
        vec![Location::Pointer(format!("/data/attributes/{at}"))]
    }

    #[test]
    fn a_client_has_grants_that_fit_its_type_and_each_other() {
        use ClientType::{Confidential, Public};
        assert_eq!(faults(Confidential, &[ClientCredentials], false), []);
        assert_eq!(faults(Public, &[AuthorizationCode, RefreshToken], true), []);
        assert_eq!(faults(Confidential, &[], false), pointer("grant_types"));
        assert_eq!(faults(Public, &[AuthorizationCode, ClientCredentials], true), pointer("grant_types/1"));
        assert_eq!(faults(Confidential, &[RefreshToken], false), pointer("grant_types/0"));
        assert_eq!(faults(Public, &[AuthorizationCode], false), pointer("require_pkce"));
    }
    #[test]
    fn a_client_has_keys_of_one_kind_and_a_public_one_has_none() {
        use ClientType::{Confidential, Public};
        let some = "x".to_owned();
        let with = |client_type, jwks, jwks_uri| {
            let grant_types = &[AuthorizationCode];
            faults_of(&Whole { client_type, grant_types, require_pkce: true, jwks, jwks_uri, given_keys: "jwks_uri" })
        };
        assert_eq!(with(Confidential, Some(&some), None), []);
        assert_eq!(with(Confidential, None, Some(&some)), []);
        assert_eq!(with(Confidential, Some(&some), Some(&some)), pointer("jwks_uri"));
        assert_eq!(with(Public, Some(&some), None), pointer("jwks"));
        assert_eq!(with(Public, None, Some(&some)), pointer("jwks_uri"));
        assert_eq!(with(Public, Some(&some), Some(&some)).len(), 2);
    }
}
