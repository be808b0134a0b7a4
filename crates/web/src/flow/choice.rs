//! Passwords that people choose, wherever they do.

use paylent_domain::{Invalid, password};
use paylent_storage::Tenant;

/// Checks a password that somebody of this address and these names chooses in this environment.
///
/// # Errors
/// The rule it breaks.
pub(super) fn check(
    tenant: &Tenant,
    chosen: &str,
    minimum: usize,
    email: &str,
    names: [Option<&str>; 2],
) -> Result<(), Invalid> {
    let environment = &tenant.environment;
    let [first, last] = names.map(Option::unwrap_or_default);
    let about = [email, first, last, environment.handle.as_str(), environment.display_name()];
    password::check(chosen, minimum, &about)
}
