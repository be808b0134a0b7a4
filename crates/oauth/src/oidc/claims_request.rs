//! The `claims` parameter (OpenID Connect Core section 5.5).

use paylent_domain::scope::Scopes;
use serde_json::{Map, Value};

use super::{ACR, CLAIMS};
use crate::error::Error;

/// The longest `claims` parameter worth reading, in bytes.
const MAX_LENGTH: usize = 4_096;

/// What a client asks for by name. Claims that nobody here can make are left out, as the specification allows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ClaimsRequest {
    /// The claims that the ID token shall have, in alphabetical order.
    pub(crate) id_token: Vec<String>,
    /// The scopes that cover all claims asked for: a person consents to these.
    pub(crate) scopes: Scopes,
    /// The only person the client wants to hear of.
    pub(crate) subject: Option<String>,
    /// Whether the client insists on another way of authentication than there is ([`ACR`]).
    pub(crate) insists_on_other_acr: bool,
}

impl ClaimsRequest {
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Error> {
        const BAD: Error = Error::invalid_request("The parameter claims must be a JSON object as OpenID Connect asks.");
        let Some(text) = text else { return Ok(Self::default()) };
        let plausible = Some(text).filter(|text| text.len() <= MAX_LENGTH).ok_or(BAD)?;
        let request: Map<String, Value> = serde_json::from_str(plausible).map_err(|_| BAD)?;
        let nothing = Map::new();
        let part = |name| match request.get(name) {
            Some(Value::Object(claims)) => Ok(claims),
            None | Some(Value::Null) => Ok(&nothing),
            Some(_) => Err(BAD),
        };
        let (id_token, userinfo) = (part("id_token")?, part("userinfo")?);
        if id_token.values().chain(userinfo.values()).any(|member| !member.is_null() && !member.is_object()) {
            return Err(BAD);
        }
        let known =
            |claims: &Map<String, Value>| CLAIMS.into_iter().filter(|(name, _)| claims.contains_key(*name)).collect();
        let in_id_token: Vec<(&str, &str)> = known(id_token);
        let in_userinfo: Vec<(&str, &str)> = known(userinfo);
        let mut names: Vec<String> = in_id_token.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.sort_unstable();
        Ok(Self {
            id_token: names,
            scopes: in_id_token.iter().chain(&in_userinfo).map(|(_, scope)| (*scope).to_owned()).collect(),
            subject: id_token.get("sub").and_then(|sub| sub.get("value")?.as_str()).map(str::to_owned),
            insists_on_other_acr: id_token.get("acr").is_some_and(excludes_ours),
        })
    }
}

/// Whether a claim is asked for as essential and with a value or values that ours is not among.
fn excludes_ours(claim: &Value) -> bool {
    let wanted =
        claim.get("value").into_iter().chain(claim.get("values").and_then(Value::as_array).into_iter().flatten());
    let (mut is_any_wanted, mut is_ours) = (false, false);
    for value in wanted {
        (is_any_wanted, is_ours) = (true, is_ours || value == ACR);
    }
    claim.get("essential") == Some(&Value::Bool(true)) && is_any_wanted && !is_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClaimsRequest, Error> {
        ClaimsRequest::parse(Some(text))
    }

    #[test]
    fn claims_are_asked_for_by_name_and_covered_by_scopes() {
        let text = r#"{"id_token":{"name":null,"email":{"essential":true},"zoneinfo":null},"userinfo":{"email_verified":null}}"#;
        let request = parse(text).unwrap();
        assert_eq!(request.id_token, ["email", "name"]);
        assert_eq!(request.scopes.to_string(), "email profile");
        assert_eq!(parse(r#"{"userinfo":{"given_name":null}}"#).unwrap().scopes.to_string(), "profile");
        assert_eq!(parse("{}").unwrap(), ClaimsRequest::default());
    }

    #[test]
    fn a_person_and_a_way_of_authentication_may_be_insisted_on() {
        let request = parse(r#"{"id_token":{"sub":{"value":"x"},"acr":{"essential":true,"values":["a"]}}}"#).unwrap();
        assert_eq!((request.subject.as_deref(), request.insists_on_other_acr), (Some("x"), true));
        for fine in [
            r#"{"id_token":{"acr":{"values":["a"]}}}"#,
            r#"{"id_token":{"acr":{"essential":true}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"value":"1"}}}"#,
            r#"{"id_token":{"acr":{"essential":true,"values":["2","1"]}}}"#,
        ] {
            assert!(!parse(fine).unwrap().insists_on_other_acr, "{fine}");
        }
    }

    #[test]
    fn anything_but_such_an_object_is_refused() {
        let long = format!("{{\"id_token\":{{\"{}\":null}}}}", "a".repeat(MAX_LENGTH));
        for bad in ["[]", "x", "", "1", r#"{"id_token":[]}"#, r#"{"userinfo":{"name":1}}"#, &long, &"[".repeat(4_000)] {
            assert!(parse(bad).is_err(), "{bad:.60}");
        }
    }
}
