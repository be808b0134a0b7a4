//! Whatever arrives, nothing panics; whatever we encode, we decode.

use crate::common::USER;
use paylent_jsonapi::media_type::{check_accept, check_content_type};
use paylent_jsonapi::{Cursor, CursorValue, Document, Incoming, Query, Resource, linkage_to_many, linkage_to_one};
use proptest::prelude::*;

fn mac(message: &[u8]) -> [u8; 32] {
    let mut mac = [0_u8; 32];
    for (index, byte) in message.iter().enumerate() {
        mac[index % 32] = mac[index % 32].wrapping_mul(31).wrapping_add(*byte);
    }
    mac
}

/// Pieces of real queries in any order, to get further than random text does.
fn query_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "include",
        "fields",
        "sort",
        "filter",
        "page",
        "[",
        "]",
        "%5B",
        "%5D",
        "=",
        "&",
        ",",
        "-",
        "%",
        "%00",
        "+",
        "é",
        "user",
        "email",
        "id",
        "created_at",
        "gt",
        "is_nil",
        "true",
        "size",
        "limit",
        "after",
        "before",
        "offset",
        "count",
        "1",
        "99999999999999999999",
        "roles",
        ".permissions",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// Pieces of real documents in any order.
fn body_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"data\":",
        "\"type\":\"user\"",
        "\"id\":\"1\"",
        "\"attributes\":{",
        "null",
        "1e9",
        "\"relationships\":{",
        "\"x\":{\"data\":",
        "\"\\u0000\"",
        "-",
        "true",
        "{\"data\":{\"type\":\"user\",",
    ]);
    prop::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat())
}

fn cursor_value() -> impl Strategy<Value = CursorValue> {
    prop_oneof![
        any::<String>().prop_map(CursorValue::Text),
        any::<i64>().prop_map(CursorValue::Integer),
        any::<bool>().prop_map(CursorValue::Bool),
        Just(CursorValue::Null),
    ]
}

fn read_query(raw: &str) -> Result<(), TestCaseError> {
    match Query::collection(raw, &USER) {
        Ok(query) => {
            prop_assert!((1..=100).contains(&query.page.size));
            prop_assert_eq!(query.sort.iter().filter(|key| key.field == "id").count(), 1);
            let rows = vec![Resource::new("user", "1").cursor("c")];
            let document = Document::page(format!("/u?{raw}"), rows, &query.page, true, Some(7));
            let links = serde_json::to_value(document).map_err(|error| TestCaseError::fail(error.to_string()))?;
            for link in ["first", "prev", "next", "last"] {
                let Some((_, raw)) = links["links"][link].as_str().and_then(|url| url.split_once('?')) else {
                    continue;
                };
                prop_assert!(Query::collection(raw, &USER).is_ok(), "our own link is refused: {raw}");
            }
        }
        Err(errors) => {
            prop_assert_eq!(errors.status(), 400);
            prop_assert!(errors.iter().all(|error| error.location().is_some()));
        }
    }
    let _ = Query::resource(raw, &USER);
    Ok(())
}

fn read_body(body: &[u8]) {
    if let Ok(incoming) = Incoming::create(body, "user") {
        let _ = incoming
            .read(|given| (given.required::<String>("x"), given.nullable::<Vec<i64>>("y"), given.many("x", "user")));
    }
    let _ = Incoming::update(body, "user", "1");
    let _ = linkage_to_one(body, "user");
    let _ = linkage_to_many(body, "user");
}

proptest! {
    #[test]
    fn any_query_string_is_answered(raw in any::<String>()) {
        read_query(&raw)?;
    }

    #[test]
    fn anything_like_a_query_is_answered(raw in query_like()) {
        read_query(&raw)?;
    }

    #[test]
    fn any_body_is_answered(body in prop::collection::vec(any::<u8>(), 0..300)) {
        read_body(&body);
    }

    #[test]
    fn anything_like_a_document_is_answered(body in body_like()) {
        read_body(body.as_bytes());
    }

    #[test]
    fn any_media_type_is_answered(header in prop::collection::vec(any::<u8>(), 0..100), tail in "[ ;,=\"\\\\a/*q0.]{0,30}") {
        let whole = [b"application/vnd.api+json".as_slice(), tail.as_bytes()].concat();
        for header in [&header, &whole] {
            let _ = check_content_type(Some(header));
            let _ = check_accept([header.as_slice()]);
        }
    }

    #[test]
    fn every_cursor_comes_back(values in prop::collection::vec(cursor_value(), 0..8), context in any::<String>()) {
        let cursor = Cursor { values };
        let text = cursor.encode(&context, &mac);
        prop_assert_eq!(Cursor::decode(&text, &context, &mac, "page[after]"), Ok(cursor));
    }

    #[test]
    fn any_text_is_no_cursor(text in any::<String>()) {
        prop_assert!(Cursor::decode(&text, "c", &mac, "page[after]").is_err());
    }
}
