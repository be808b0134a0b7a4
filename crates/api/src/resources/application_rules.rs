//! What the attributes of an application may be, alone and together.

use paylent_domain::{
    Invalid,
    allow_list::AllowList,
    application::{self, ApplicationGrant},
    user::Email,
};
use paylent_jsonapi::{Errors, Reader};

use crate::attributes::{invalid, invalid_item};

/// Reads from where tokens may be used.
pub(super) fn allow_list(given: &mut Reader) -> Option<AllowList> {
    const NAME: &str = "ip_allow_list";
    let entries = given.optional::<Vec<String>>(NAME)?;
    let list = AllowList::parse(entries.iter().map(String::as_str));
    list.map_err(|fault| refuse(given, NAME, fault)).ok()
}

/// Reads who is told of tokens from elsewhere.
pub(super) fn notification_emails(given: &mut Reader) -> Option<Vec<Email>> {
    const NAME: &str = "notification_emails";
    let addresses = given.optional::<Vec<String>>(NAME)?;
    let emails = application::notification_emails(addresses.iter().map(String::as_str));
    emails.map_err(|fault| refuse(given, NAME, fault)).ok()
}

/// Notes what is wrong with a list: one of its items, or their number.
fn refuse(given: &mut Reader, name: &str, (index, reason): (Option<usize>, Invalid)) {
    given.refuse(match index {
        Some(index) => invalid_item(name, index, &reason),
        None => invalid(name, &reason),
    });
}

/// Checks what an application of this grant type must have, and must not have.
///
/// # Errors
/// Every rule that does not hold.
pub(super) fn check(grant: ApplicationGrant, redirect_uri: Option<&str>, list: &AllowList) -> Result<(), Errors> {
    let uri = grant.check_redirect_uri(redirect_uri).map_err(|reason| invalid("redirect_uri", &reason));
    let list = grant.check_allow_list(list).map_err(|reason| invalid("ip_allow_list", &reason));
    [uri, list].into_iter().filter_map(Result::err).collect::<Errors>().or(())
}

#[cfg(test)]
mod tests {
    use paylent_jsonapi::Location;

    use super::*;

    #[test]
    fn ip_required_every_broken_rule_is_told_at_its_attribute() {
        let faults = |grant, uri| {
            let errors = check(grant, uri, &AllowList::default()).err().unwrap_or_default();
            errors.iter().map(|error| error.location().unwrap().clone()).collect::<Vec<_>>()
        };
        let at = |name: &str| Location::Pointer(format!("/data/attributes/{name}"));
        let uri = Some("https://app.example/cb");
        assert_eq!(faults(ApplicationGrant::AuthorizationCode, uri), []);
        assert_eq!(faults(ApplicationGrant::AuthorizationCode, None), [at("redirect_uri")]);
        assert_eq!(faults(ApplicationGrant::ClientCredentials, uri), [at("redirect_uri"), at("ip_allow_list")]);
        assert_eq!(faults(ApplicationGrant::ClientCredentials, None), [at("ip_allow_list")]);
    }
}
