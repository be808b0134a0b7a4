//! The request as it arrives in the query of `GET`, or the body of `POST`, `/oauth/authorize`.

use super::PageError;
use crate::parameters::{MAX_PARAMETERS, Parameters, form_pairs};

/// An authorization request, decoded and not yet judged (RFC 6749 section 4.1.1).
#[derive(Debug)]
pub struct AuthorizationRequest {
    pub(super) parameters: Parameters,
    /// Whether a parameter was repeated. Which of its values was meant nobody can tell.
    pub(super) repeated: bool,
}

impl AuthorizationRequest {
    /// Decodes `application/x-www-form-urlencoded`: a query without its `?`, or a body.
    ///
    /// # Errors
    /// `Malformed`: a bad escape, text that is not UTF-8, NUL, over 100 parameters, or a repeated `client_id` or
    /// `redirect_uri`. Other repeated parameters are the client's to hear of.
    pub fn parse(encoded: &[u8]) -> Result<Self, PageError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut repeated = false;
        for pair in form_pairs(encoded) {
            let (name, value) = pair.map_err(|_| PageError::Malformed)?;
            let Some((_, known)) = pairs.iter_mut().find(|(known, _)| *known == name) else {
                pairs.push((name, value));
                if pairs.len() > MAX_PARAMETERS {
                    return Err(PageError::Malformed);
                }
                continue;
            };
            match name.as_str() {
                "client_id" | "redirect_uri" => return Err(PageError::Malformed),
                _ => {
                    repeated = true;
                    known.clear();
                }
            }
        }
        let parameters = Parameters::from_pairs(pairs).map_err(|_| PageError::Malformed)?;
        Ok(Self { parameters, repeated })
    }
}
