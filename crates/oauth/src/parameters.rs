//! The parameters of a request: one strict decoder for form, JSON and other bodies.
//!
//! Lenient decoders make two different inputs equal (a broken byte becomes U+FFFD, the last of two values wins), and
//! what compares equal can be confused. So nothing is repaired here: what is not exactly right is refused.

use std::fmt;

use percent_encoding::percent_decode;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use crate::error::Error;

/// How many parameters one request may have.
pub(crate) const MAX_PARAMETERS: usize = 100;

/// The parameters of one request: names are unique, values are UTF-8 without NUL, empty values count as omitted
/// (RFC 6749 section 3.2).
#[derive(Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// `invalid_request`: a bad escape, a byte sequence that is not UTF-8, NUL, a repeated name, or over 100 parameters.
    pub fn from_form(body: &[u8]) -> Result<Self, Error> {
        Self::collect(form_pairs(body))
    }

    /// Decodes a JSON object whose values are all strings.
    ///
    /// # Errors
    /// `invalid_request`: not such an object, NUL, or a repeated name.
    pub fn from_json(body: &[u8]) -> Result<Self, Error> {
        let Flat(pairs) = serde_json::from_slice(body).map_err(|_| {
            Error::invalid_request("The body must be a JSON object whose members are strings, each named once.")
        })?;
        Self::collect(pairs.into_iter().map(Ok))
    }

    /// Takes parameters that a host decoded itself, such as the parts of a multipart body.
    ///
    /// # Errors
    /// `invalid_request`: NUL, a repeated name, or over 100 parameters.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        Self::collect(pairs.into_iter().map(Ok))
    }

    fn collect(pairs: impl Iterator<Item = Result<(String, String), Error>>) -> Result<Self, Error> {
        let mut seen: Vec<(String, String)> = Vec::new();
        for pair in pairs {
            let (name, value) = pair?;
            if seen.len() == MAX_PARAMETERS {
                return Err(Error::invalid_request("The request has too many parameters."));
            }
            if name.contains('\0') || value.contains('\0') {
                return Err(Error::invalid_request("Parameters must not contain NUL."));
            }
            if seen.iter().any(|(known, _)| *known == name) {
                return Err(Error::invalid_request("A parameter must not be repeated."));
            }
            seen.push((name, value));
        }
        Ok(Self(seen))
    }

    /// The value of a parameter; an empty one counts as omitted.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// Every parameter, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter that must be there.
    pub(crate) fn require(&self, name: &str, missing: &'static str) -> Result<&str, Error> {
        self.get(name).ok_or(Error::invalid_request(missing))
    }
}

/// Shows the names only: values may be secrets.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The names and values of a form, in order, repeated names included.
pub(crate) fn form_pairs(body: &[u8]) -> impl Iterator<Item = Result<(String, String), Error>> {
    body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        Ok((form_decode(name)?, form_decode(value)?))
    })
}

/// Decodes one name or value of a form: `+` is a space, escapes must be whole, the result must be UTF-8.
pub(crate) fn form_decode(encoded: &[u8]) -> Result<String, Error> {
    const BAD: Error = Error::invalid_request("A parameter is not correctly encoded.");
    let whole = |at: usize| encoded[at + 1..].get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if encoded.iter().enumerate().any(|(at, byte)| *byte == b'%' && !whole(at)) {
        return Err(BAD);
    }
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).map_err(|_| BAD)
}

/// A JSON object of strings, in order, repeated names kept so that they can be refused.
struct Flat(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Flat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() > MAX_PARAMETERS {
                        return Err(de::Error::custom("too many members"));
                    }
                    pairs.push(pair);
                }
                Ok(Flat(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn te_form_dup_a_repeated_parameter_is_refused() {
        assert!(Parameters::from_form(b"scope=a&scope=a").is_err());
        assert!(Parameters::from_form(b"scope=a&sc%6Fpe=b").is_err());
    }

    #[test]
    fn te_json_dup_repeated_nested_and_typed_members_are_refused() {
        assert_eq!(Parameters::from_json(br#"{"grant_type":"x"}"#).unwrap().get("grant_type"), Some("x"));
        for bad in [
            r#"{"a":"1","a":"1"}"#,
            r#"{"a":{}}"#,
            r#"{"a":["b"]}"#,
            r#"{"a":1}"#,
            r#"{"a":true}"#,
            r#"{"a":null}"#,
            "[]",
            "\"a\"",
            "",
            r#"{"a":"b"} x"#,
            r#"{"a":NaN}"#,
            r#"{"a":"\ud800"}"#,
            "\u{FEFF}{}",
        ] {
            assert!(Parameters::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn te_json_deep_nesting_does_not_recurse() {
        assert!(Parameters::from_json("[".repeat(1_000_000).as_bytes()).is_err());
        assert!(Parameters::from_json(format!("{{\"a\":{}", "[".repeat(100_000)).as_bytes()).is_err());
    }

    #[test]
    fn te_utf8_broken_text_is_refused_not_repaired() {
        for bad in [&b"a=%ff%fe"[..], b"a=\xff", b"a=%c0%80", b"a=%ed%a0%80", b"a=%", b"a=%2", b"a=%zz"] {
            assert!(Parameters::from_form(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn te_nul_is_refused_in_every_format() {
        assert!(Parameters::from_form(b"a=x%00y").is_err());
        assert!(Parameters::from_json(br#"{"a":"x\u0000"}"#).is_err());
        assert!(Parameters::from_pairs([("a".to_owned(), "\0".to_owned())]).is_err());
    }

    #[test]
    fn te_empty_counts_as_omitted() {
        let parameters = Parameters::from_form(b"a=&b=+x%20").unwrap();
        assert_eq!(parameters.get("a"), None);
        assert_eq!(parameters.get("b"), Some(" x "));
    }

    #[test]
    fn te_size_a_million_parameters_are_refused() {
        let body: String = (0..1_000).map(|n| format!("p{n}=1&")).collect();
        assert!(Parameters::from_form(body.as_bytes()).is_err());
    }

    #[test]
    fn lg_debug_values_are_not_shown() {
        let parameters = Parameters::from_form(b"client_secret=canary").unwrap();
        assert_eq!(format!("{parameters:?}"), "[\"client_secret\"]");
    }
}
