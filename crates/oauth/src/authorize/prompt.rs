//! What a client wants the person to see: `prompt` and `max_age` (OpenID Connect Core section 3.1.2.1).

use crate::{error::Error, parameters::Parameters};

/// The pages a client insists on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    /// No page at all.
    pub(super) none: bool,
    pub(super) login: bool,
    pub(super) consent: bool,
    pub(super) select_account: bool,
}

impl Prompt {
    pub(super) fn parse(parameters: &Parameters) -> Result<Self, Error> {
        let mut prompt = Self::default();
        for value in parameters.get("prompt").unwrap_or_default().split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(Error::invalid_request("The parameter prompt has an unknown value.")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(Error::invalid_request("The value none of the parameter prompt stands alone."));
        }
        Ok(prompt)
    }
}

/// How many seconds ago the person may have signed in at most.
pub(super) fn max_age(parameters: &Parameters) -> Result<Option<i64>, Error> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|b| b.is_ascii_digit()).then_some(text);
    let seconds = digits.and_then(|text| text.parse::<u32>().ok());
    seconds.map(|seconds| Some(i64::from(seconds))).ok_or(Error::invalid_request("The max_age must be whole seconds."))
}
