//! A raw query string as decoded parameters (JSON:API 1.1, "Query Parameters": application/x-www-form-urlencoded, but
//! what that algorithm would repair silently is refused here).

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

use crate::{Code, Error, Errors};

/// One decoded `name=value`.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Splits and decodes. Undecodable parameters and repeated names become errors (400 `invalid_query`).
pub(crate) fn parse(raw: &str, errors: &mut Errors) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut seen = HashSet::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = decode(name) else {
            errors.push(invalid("The name of the parameter is not properly encoded.", name));
            continue;
        };
        if !seen.insert(name.clone()) {
            errors.push(invalid("The parameter is given more than once.", &name));
            continue;
        }
        match decode(value) {
            Some(value) => parameters.push(Parameter { name, value }),
            None => errors.push(invalid("The value is not properly encoded UTF-8 text.", &name)),
        }
    }
    parameters
}

/// Strict decoding: each `%` needs two hexadecimal digits, the result is UTF-8 and has no NUL.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    pieces.next();
    let well_escaped = pieces.all(|piece| piece.len() >= 2 && piece.bytes().take(2).all(|b| b.is_ascii_hexdigit()));
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (well_escaped && !decoded.contains('\0')).then(|| decoded.into_owned())
}

impl Parameter {
    /// `family[key][key]` taken apart; `None` if the name is not of this shape.
    pub(crate) fn family_and_keys(&self) -> Option<(&str, Vec<&str>)> {
        let Some((family, rest)) = self.name.split_once('[') else { return Some((&self.name, Vec::new())) };
        let keys: Vec<&str> = rest.strip_suffix(']')?.split("][").collect();
        keys.iter().all(|key| !key.contains(['[', ']'])).then_some((family, keys))
    }

    /// A 400 about this parameter.
    pub(crate) fn error(&self, code: Code, detail: impl Into<String>) -> Error {
        Error::new(code, detail).at_parameter(&self.name)
    }

    /// The value as a comma-separated list; an empty value is an empty list.
    pub(crate) fn list(&self) -> impl Iterator<Item = &str> {
        let items = (!self.value.is_empty()).then(|| self.value.split(','));
        items.into_iter().flatten()
    }
}

fn invalid(detail: &str, name: &str) -> Error {
    Error::new(Code::INVALID_QUERY, detail).at_parameter(name)
}
