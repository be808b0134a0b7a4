//! The part of a form in which somebody new introduces themselves.

use super::{
    RegisterProblem,
    name::{Sentence, fill},
    texts::Register,
};

/// Asks for inputs `first_name`, `last_name`, `password` and `password_confirmation`.
#[derive(Debug, Clone, Copy)]
pub struct PersonFields<'a> {
    /// What was typed before.
    pub first_name: &'a str,
    /// What was typed before.
    pub last_name: &'a str,
    /// The fewest characters of the password.
    pub password_minimum: usize,
    /// Why the last attempt did not succeed.
    pub problem: Option<RegisterProblem>,
    /// Which fields are at fault.
    pub faults: PersonFaults,
}

/// Which of them break a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each field of the form")]
pub struct PersonFaults {
    /// The first name.
    pub first_name: bool,
    /// The last name.
    pub last_name: bool,
    /// The password.
    pub password: bool,
    /// The password is not the same twice.
    pub password_confirmation: bool,
}

impl PersonFields<'_> {
    /// The fields at fault, with what is wrong.
    pub(super) fn faulty(&self, texts: &Register) -> Vec<(&'static str, Sentence<usize>)> {
        let faults = self.faults;
        let sentences = [
            (faults.first_name, "first_name", texts.first_name_missing),
            (faults.last_name, "last_name", texts.last_name_missing),
            (faults.password, "password", texts.password_unfit),
            (faults.password_confirmation, "password_confirmation", texts.password_differs),
        ];
        let at_fault = sentences.into_iter().filter(|(at_fault, ..)| *at_fault);
        at_fault.map(|(_, field, text)| (field, fill(text, self.password_minimum))).collect()
    }
}
