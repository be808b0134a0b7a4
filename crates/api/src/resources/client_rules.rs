//! What the attributes of a client may be, alone and together.

use paylent_domain::{
    Invalid,
    client::{ClientType, GrantType, MAX_NAME, check_redirect_uris},
    resource_server::check_token_ttl,
    text,
};
use paylent_jsonapi::{Error, Errors, Field, Reader};

use crate::attributes::{invalid, invalid_item, list, nullable};

/// Checks a client's name.
pub(crate) fn name(name: String) -> Result<String, Invalid> {
    text::one_line(&name, MAX_NAME).map(|()| name)
}

/// Reads the redirect URIs.
pub(crate) fn redirect_uris(given: &mut Reader) -> Option<Vec<String>> {
    const NAME: &str = "redirect_uris";
    let uris = given.optional::<Vec<String>>(NAME)?;
    match check_redirect_uris(&uris) {
        Ok(()) => {}
        Err((Some(index), reason)) => given.refuse(invalid_item(NAME, index, &reason)),
        Err((None, reason)) => given.refuse(invalid(NAME, &reason)),
    }
    Some(uris)
}

/// Reads the grant types.
pub(crate) fn grant_types(given: &mut Reader) -> Option<Vec<GrantType>> {
    list(given, "grant_types", |name| name.parse())
}

/// Reads the lifetime of access tokens, which a client need not have.
pub(crate) fn access_token_ttl(given: &mut Reader) -> Field<i32> {
    nullable(given, "access_token_ttl", check_token_ttl)
}

/// Checks what must hold between the attributes of a client.
///
/// # Errors
/// Every rule that does not hold.
pub(crate) fn together(client_type: ClientType, grants: &[GrantType], require_pkce: bool) -> Result<(), Errors> {
    let has = |grant| grants.contains(&grant);
    let at = |grant| grants.iter().position(|other| *other == grant).unwrap_or_default();
    let is_public = client_type == ClientType::Public;
    let broken: [Option<Error>; 4] = [
        grants.is_empty().then(|| invalid("grant_types", &Invalid("must not be empty"))),
        (is_public && has(GrantType::ClientCredentials)).then(|| {
            let reason = Invalid("is client_credentials, which takes a secret that a public client does not have");
            invalid_item("grant_types", at(GrantType::ClientCredentials), &reason)
        }),
        (has(GrantType::RefreshToken) && !has(GrantType::AuthorizationCode)).then(|| {
            let reason = Invalid("is refresh_token, which needs authorization_code");
            invalid_item("grant_types", at(GrantType::RefreshToken), &reason)
        }),
        (is_public && !require_pkce).then(|| invalid("require_pkce", &Invalid("must be true for a public client"))),
    ];
    broken.into_iter().flatten().collect::<Errors>().or(())
}

#[cfg(test)]
mod tests {
    use GrantType::{AuthorizationCode, ClientCredentials, RefreshToken};
    use paylent_jsonapi::Location;

    use super::*;

    fn faults(client_type: ClientType, grants: &[GrantType], require_pkce: bool) -> Vec<Location> {
        let errors = together(client_type, grants, require_pkce).err().unwrap_or_default();
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
}
