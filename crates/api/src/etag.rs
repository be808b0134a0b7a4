//! `ETag` and `If-Match` (RFC 9110 sections 8.8.3 and 13.1.1): a resource's tag is its version.

use actix_web::http::header::{ETAG, HeaderMap, HeaderName, IF_MATCH};
use paylent_domain::Timestamp;
use paylent_jsonapi::{Code, Error};
use paylent_storage::Expected;

use crate::entity::Entity;

/// The header that tells a row's version.
pub(crate) fn of<E: Entity>(row: &E) -> (HeaderName, String) {
    (ETAG, format!("\"{:x}\"", row.version().micros()))
}

/// Which versions the request is meant for. A weak tag, or one that was never ours, matches nothing.
///
/// # Errors
/// 400 when the header is not a list of entity tags.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Expected, Error> {
    let mut versions = Vec::new();
    let mut given = false;
    for header in headers.get_all(IF_MATCH) {
        given = true;
        let list = header.to_str().map_err(|_| malformed())?;
        if list.trim() == "*" {
            return Ok(Expected::Any);
        }
        let tags = tags(list).filter(|tags| !tags.is_empty()).ok_or_else(malformed)?;
        let strong = tags.into_iter().filter(|(weak, _)| !weak);
        versions.extend(strong.filter_map(|(_, opaque)| version(opaque)));
    }
    Ok(if given { Expected::OneOf(versions) } else { Expected::Any })
}

/// The entity tags of a list, each with whether it is weak. Empty elements are passed over (RFC 9110 section 5.6.1).
fn tags(list: &str) -> Option<Vec<(bool, &str)>> {
    let mut tags = Vec::new();
    let mut rest = list.trim_start_matches([',', ' ', '\t']);
    while !rest.is_empty() {
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        let after = after.trim_start_matches([' ', '\t']);
        if opaque.contains([' ', '\t']) || !(after.is_empty() || after.starts_with(',')) {
            return None;
        }
        tags.push((weak, opaque));
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
    Some(tags)
}

/// The version that a tag of ours tells. Tags are the same only to the letter.
fn version(opaque: &str) -> Option<Timestamp> {
    let micros = i64::from_str_radix(opaque, 16).ok()?;
    (format!("{micros:x}") == opaque).then_some(Timestamp::from_micros(micros))
}

fn malformed() -> Error {
    Error::new(Code::INVALID_QUERY, "If-Match must be * or a list of entity tags in quotation marks.")
        .at_header("If-Match")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn read(value: &'static str) -> Result<Expected, Error> {
        let mut headers = HeaderMap::new();
        headers.append(IF_MATCH, HeaderValue::from_static(value));
        expected(&headers)
    }

    #[test]
    fn ap_lost_update_only_a_strong_tag_of_ours_names_a_version() {
        assert_eq!(expected(&HeaderMap::new()).unwrap(), Expected::Any);
        assert_eq!(read("*").unwrap(), Expected::Any);
        let both = vec![Timestamp::from_micros(0x1f), Timestamp::from_micros(2)];
        assert_eq!(read(r#""1f", "2""#).unwrap(), Expected::OneOf(both));
        assert_eq!(read(r#", "1f",,"2" ,W/"3","#).unwrap(), read(r#""1f","2""#).unwrap());
        for nothing in [r#"W/"1f""#, r#""someone's""#, r#""""#, r#""1f,2""#, r#""1F""#, r#""+1f""#] {
            assert_eq!(read(nothing).unwrap(), Expected::OneOf(Vec::new()), "{nothing}");
        }
        for bad in ["1f", r#""1f"#, "", ",", r#""1f" "2""#, r#""1 f""#, r#"*, "1f""#, r#"w/"1f""#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
