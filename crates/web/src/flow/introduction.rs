//! How somebody new introduces themselves, to register or to accept an invitation.

use paylent_domain::{Invalid, text::one_line, user::MAX_NAME};
use paylent_storage::Tenant;

use super::{choice, visit::Fields};
use crate::pages::{PersonFaults, PersonFields, RegisterProblem};

/// What somebody new says.
#[derive(Clone, Copy)]
pub(super) struct Introduction<'a> {
    pub(super) first_name: &'a str,
    pub(super) last_name: &'a str,
    pub(super) password: &'a str,
    password_confirmation: &'a str,
}

/// The fields that break rules, with the rules.
pub(super) type Faults = Vec<(&'static str, Invalid)>;

impl<'a> Introduction<'a> {
    pub(super) fn of(fields: &'a Fields) -> Self {
        let field = |name| fields.one(name).unwrap_or_default();
        Self {
            first_name: field("first_name").trim(),
            last_name: field("last_name").trim(),
            password: field("password"),
            password_confirmation: field("password_confirmation"),
        }
    }

    /// Checks it for somebody of this address, where passwords have at least so many characters.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, tenant: &Tenant, minimum: usize, email: &str) -> Result<(), Faults> {
        let names = [Some(self.first_name), Some(self.last_name)];
        let same = match self.password == self.password_confirmation {
            true => Ok(()),
            false => Err(Invalid("is not the same as password")),
        };
        let checked = [
            ("first_name", one_line(self.first_name, MAX_NAME)),
            ("last_name", one_line(self.last_name, MAX_NAME)),
            ("password", choice::check(tenant, self.password, minimum, email, names)),
            ("password_confirmation", same),
        ];
        let faults: Faults = checked.into_iter().filter_map(|(field, rule)| Some((field, rule.err()?))).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The part of a form that asks for it, once more if there is a problem.
    pub(super) fn asked(
        &self,
        password_minimum: usize,
        problem: Option<(RegisterProblem, Faults)>,
    ) -> PersonFields<'a> {
        let (problem, faults) = problem.unzip();
        let faults = faults.unwrap_or_default();
        let is_wrong = |field| faults.iter().any(|(name, _)| *name == field);
        let faults = PersonFaults {
            first_name: is_wrong("first_name"),
            last_name: is_wrong("last_name"),
            password: is_wrong("password"),
            password_confirmation: is_wrong("password_confirmation"),
        };
        let (first_name, last_name) = (self.first_name, self.last_name);
        PersonFields { first_name, last_name, password_minimum, problem, faults }
    }
}
