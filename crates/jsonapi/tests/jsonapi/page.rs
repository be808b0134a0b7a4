//! Paging: parameters, cursors and links.

use crate::common::{USER, lines};
use paylent_jsonapi::{Cursor, CursorValue, Document, Page, Query, Resource, Start};
use serde_json::{Value, json};

fn page(raw: &str) -> Page {
    Query::collection(raw, &USER).unwrap().page
}

fn refused(raw: &str) -> Vec<String> {
    lines(&Query::collection(raw, &USER).unwrap_err())
}

/// Not secure, but every bit of key and message matters: enough for these tests.
fn mac_with(key: u8) -> impl Fn(&[u8]) -> [u8; 32] {
    move |message| {
        let mut state = u64::from(key) ^ 0xcbf2_9ce4_8422_2325;
        let mut mac = [0_u8; 32];
        for (index, byte) in message.iter().chain([0; 64].iter()).enumerate() {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            mac[index % 32] ^= (state >> 32) as u8;
        }
        mac
    }
}

fn cursor() -> Cursor {
    let values =
        vec![CursorValue::Text("a@b.c".into()), CursorValue::Integer(-5), CursorValue::Bool(true), CursorValue::Null];
    Cursor { values }
}

/// The `links` and `meta` of the page at `url` with the rows `ids`.
fn paged(url: &str, ids: &[&str], more: bool, total: Option<u64>) -> (Value, Value) {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let rows = ids.iter().map(|id| Resource::new("user", *id).cursor(format!("c{id}"))).collect();
    let document = serde_json::to_value(Document::page(url, rows, &page(query), more, total)).unwrap();
    (document["links"].clone(), document["meta"].clone())
}

#[test]
fn a_page_has_25_rows_from_the_first_uncounted() {
    assert_eq!(page(""), Page { size: 25, start: Start::First, count: false });
}

#[test]
fn size_and_limit_mean_the_same() {
    for name in ["size", "limit"] {
        assert_eq!(page(&format!("page[{name}]=1")).size, 1);
        assert_eq!(page(&format!("page[{name}]=100")).size, 100);
    }
    assert_eq!(refused("page[size]=1&page[limit]=1"), ["400 invalid_pagination page[limit]"]);
}

#[test]
fn a_size_that_is_no_positive_whole_number_is_refused() {
    for size in ["0", "-1", "1.5", "abc", "", "+5", "1e3", "0x10", "NaN", "١", " 5", "00"] {
        assert_eq!(refused(&format!("page[size]={size}")), ["400 invalid_pagination page[size]"], "{size}");
    }
}

#[test]
fn a_size_over_the_maximum_is_refused_as_the_profile_says() {
    for size in ["101", "1000000000", "18446744073709551616", &"9".repeat(500)] {
        let errors = Query::collection(&format!("page[size]={size}"), &USER).unwrap_err();
        let document = serde_json::to_value(&errors).unwrap();
        let error = &document["errors"][0];
        assert_eq!(error["status"], "400");
        assert_eq!(error["source"], json!({ "parameter": "page[size]" }));
        assert_eq!(error["meta"], json!({ "page": { "maxSize": 100 } }));
        let uri = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/max-size-exceeded";
        assert_eq!(error["links"], json!({ "type": uri }));
    }
}

#[test]
fn a_page_starts_at_one_place() {
    assert_eq!(page("page[after]=x").start, Start::After("x".into()));
    assert_eq!(page("page[before]=x").start, Start::Before("x".into()));
    assert_eq!(page("page[offset]=10000").start, Start::Offset(10_000));
    assert_eq!(page("page[offset]=0").start, Start::Offset(0));
    assert_eq!(refused("page[after]=x&page[before]=x"), ["400 invalid_pagination page[before]"]);
    assert_eq!(refused("page[after]=x&page[offset]=1"), ["400 invalid_pagination page[offset]"]);
    assert_eq!(refused("page[before]=x&page[offset]=1"), ["400 invalid_pagination page[offset]"]);
}

#[test]
fn an_offset_is_capped() {
    for offset in ["10001", "18446744073709551616", "-1", "1.5", "x", ""] {
        assert_eq!(refused(&format!("page[offset]={offset}")), ["400 invalid_pagination page[offset]"], "{offset}");
    }
}

#[test]
fn count_is_true_or_false() {
    assert!(page("page[count]=true").count);
    assert!(!page("page[count]=false").count);
    for count in ["", "1", "TRUE"] {
        assert_eq!(refused(&format!("page[count]={count}")), ["400 invalid_pagination page[count]"]);
    }
}

#[test]
fn other_page_parameters_are_refused() {
    for name in ["page", "page[]", "page[number]", "page[size][x]", "page[Size]"] {
        assert_eq!(refused(&format!("{name}=1")), [format!("400 invalid_pagination {name}")]);
    }
}

#[test]
fn a_cursor_comes_back_as_it_was() {
    let mac = mac_with(1);
    let text = cursor().encode("env\nuser\nid", &mac);
    assert_eq!(Cursor::decode(&text, "env\nuser\nid", &mac, "page[after]"), Ok(cursor()));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let mac = mac_with(1);
    let context = |environment: &str, raw: &str| Query::collection(raw, &USER).unwrap().cursor_context(environment);
    let text = cursor().encode(&context("e1", "sort=email"), &mac);
    assert!(Cursor::decode(&text, &context("e1", "sort=email&filter[id]=x"), &mac, "page[after]").is_ok());
    for other in
        [context("e2", "sort=email"), context("e1", "sort=-email"), context("e1", "sort=name"), context("e1", "")]
    {
        let error = Cursor::decode(&text, &other, &mac, "page[after]").unwrap_err();
        assert_eq!(lines(&error.into()), ["400 invalid_pagination page[after]"]);
    }
    let role = Query::collection("", &crate::common::ROLE).unwrap().cursor_context("e1");
    assert_ne!(role, context("e1", ""));
}

#[test]
fn a_cursor_of_another_key_is_refused() {
    let text = cursor().encode("c", &mac_with(1));
    assert!(Cursor::decode(&text, "c", &mac_with(2), "page[after]").is_err());
}

#[test]
fn a_cursor_changed_anywhere_is_refused() {
    let mac = mac_with(1);
    let text = cursor().encode("c", &mac);
    for index in 0..text.len() {
        let mut edited = text.clone().into_bytes();
        edited[index] = if edited[index] == b'A' { b'B' } else { b'A' };
        let edited = String::from_utf8(edited).unwrap();
        assert!(Cursor::decode(&edited, "c", &mac, "page[after]").is_err(), "{index}");
        assert!(Cursor::decode(&text[..index], "c", &mac, "page[after]").is_err(), "{index}");
    }
    for other in [format!("{text}A"), format!("{text}="), format!(" {text}"), "x".into(), "é".into()] {
        assert!(Cursor::decode(&other, "c", &mac, "page[after]").is_err(), "{other}");
    }
}

#[test]
fn context_and_payload_do_not_run_into_each_other() {
    use base64::Engine;
    let mac = mac_with(1);
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = engine.decode(Cursor { values: vec![] }.encode("c ", &mac)).unwrap();
    let moved = [&bytes[..32], b" []"].concat();
    assert!(Cursor::decode(&engine.encode(moved), "c", &mac, "page[after]").is_err());
}

#[test]
fn a_page_decodes_its_own_cursor() {
    let mac = mac_with(1);
    let text = cursor().encode("c", &mac);
    assert_eq!(page(&format!("page[before]={text}")).cursor("c", &mac), Ok(Some(cursor())));
    assert_eq!(page("page[offset]=3").cursor("c", &mac), Ok(None));
    let error = page("page[before]=zz").cursor("c", &mac).unwrap_err();
    assert_eq!(lines(&error.into()), ["400 invalid_pagination page[before]"]);
    let error = page("page[after]=").cursor("c", &mac).unwrap_err();
    assert_eq!(lines(&error.into()), ["400 invalid_pagination page[after]"]);
}

#[test]
fn trimming_drops_the_extra_row_and_turns_backward_rows() {
    let mut rows = vec![1, 2, 3];
    assert!(page("page[size]=2").trim(&mut rows));
    assert_eq!(rows, [1, 2]);
    assert!(!page("page[size]=2").trim(&mut rows));
    let mut rows = vec![3, 2, 1];
    assert!(page("page[size]=2&page[before]=x").trim(&mut rows));
    assert_eq!(rows, [2, 3]);
}

#[test]
fn the_first_page_has_no_previous_one() {
    let (links, meta) = paged("/api/users?sort=-email&page[size]=2", &["1", "2"], true, None);
    assert_eq!(
        links,
        json!({
            "self": "/api/users?sort=-email&page[size]=2",
            "first": "/api/users?sort=-email&page[size]=2",
            "prev": null,
            "next": "/api/users?sort=-email&page[size]=2&page%5Bafter%5D=c2",
            "last": null,
        })
    );
    assert_eq!(meta, json!({ "page": { "size": 2, "limit": 2 } }));
}

#[test]
fn a_page_in_the_middle_has_both_neighbours() {
    let (links, _) = paged("/u?page%5Bafter%5D=x&page[size]=2", &["3", "4"], true, None);
    assert_eq!(links["first"], "/u?page[size]=2");
    assert_eq!(links["prev"], "/u?page[size]=2&page%5Bbefore%5D=c3");
    assert_eq!(links["next"], "/u?page[size]=2&page%5Bafter%5D=c4");
    let (links, _) = paged("/u?page[before]=x", &["3", "4"], true, None);
    assert_eq!((&links["prev"], &links["next"]), (&json!("/u?page%5Bbefore%5D=c3"), &json!("/u?page%5Bafter%5D=c4")));
}

#[test]
fn pages_end_at_both_ends() {
    let (links, _) = paged("/u?page[after]=x", &["3"], false, None);
    assert_eq!((&links["prev"], &links["next"]), (&json!("/u?page%5Bbefore%5D=c3"), &Value::Null));
    let (links, _) = paged("/u?page[before]=x", &["1"], false, None);
    assert_eq!((&links["prev"], &links["next"]), (&Value::Null, &json!("/u?page%5Bafter%5D=c1")));
    let (links, _) = paged("/u?page[after]=x", &[], false, None);
    assert_eq!((&links["prev"], &links["next"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_counted_page_by_offset_knows_its_last_page() {
    let (links, meta) = paged("/u?page[offset]=2&page[limit]=2&page[count]=true", &["3", "4"], true, Some(5));
    assert_eq!(links["first"], "/u?page[limit]=2&page[count]=true");
    assert_eq!(links["prev"], "/u?page[limit]=2&page[count]=true&page%5Boffset%5D=0");
    assert_eq!(links["next"], "/u?page[limit]=2&page[count]=true&page%5Boffset%5D=4");
    assert_eq!(links["last"], "/u?page[limit]=2&page[count]=true&page%5Boffset%5D=4");
    assert_eq!(meta, json!({ "page": { "size": 2, "limit": 2, "offset": 2, "total": 5 }, "total": 5 }));
}

#[test]
fn the_last_page_by_offset_is_never_empty() {
    let (links, _) = paged("/u?page[offset]=0&page[size]=2", &["1", "2"], true, Some(4));
    assert_eq!(links["last"], "/u?page[size]=2&page%5Boffset%5D=2");
}

#[test]
fn offset_links_stay_within_the_cap() {
    let (links, _) = paged("/u?page[offset]=10000", &["1"], true, Some(1_000_000));
    assert_eq!((&links["next"], &links["last"]), (&Value::Null, &Value::Null));
    assert_eq!(links["prev"], "/u?page%5Boffset%5D=9975");
    let (links, _) = paged("/u?page[offset]=0", &[], false, Some(0));
    assert_eq!(
        (&links["prev"], &links["next"], &links["last"]),
        (&Value::Null, &Value::Null, &json!("/u?page%5Boffset%5D=0"))
    );
}

#[test]
fn every_row_shows_its_cursor() {
    let row = Resource::new("user", "1").cursor("abc").meta("seen", true);
    let document = serde_json::to_value(Document::page("/u", vec![row], &page(""), false, None)).unwrap();
    assert_eq!(document["data"][0]["meta"], json!({ "page": { "cursor": "abc" }, "seen": true }));
}
