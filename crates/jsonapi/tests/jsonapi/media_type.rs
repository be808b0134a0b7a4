//! Content negotiation, row by row.

use paylent_jsonapi::Location;
use paylent_jsonapi::media_type::{check_accept, check_content_type};

fn accepted(headers: &[&str]) -> bool {
    check_accept(headers.iter().map(|header| header.as_bytes())).is_ok()
}

#[test]
fn a_body_of_the_json_api_media_type_is_read() {
    for header in [
        "application/vnd.api+json",
        "Application/VND.API+json",
        " application/vnd.api+json ",
        "application/vnd.api+json;",
        "application/vnd.api+json; profile=\"https://example.com/a https://example.com/b\"",
        "application/vnd.api+json; PROFILE=\"a;b,c\\\"d\"",
        "application/vnd.api+json; profile=https://example.com/a",
        "application/vnd.api+json; ext=\"\"",
    ] {
        assert!(check_content_type(Some(header.as_bytes())).is_ok(), "{header}");
    }
}

#[test]
fn a_body_of_any_other_media_type_is_415() {
    for header in [
        "",
        "application/json",
        "text/plain",
        "application/vnd.api",
        "application/vnd.api+json2",
        "application/vnd.api+json; charset=utf-8",
        "application/vnd.api+json; q=1",
        "application/vnd.api+json; ext=\"https://jsonapi.org/ext/atomic\"",
        "application/vnd.api+json; ext=\"https://jsonapi.org/ext/atomic\"; profile=\"x\"",
        "application/vnd.api+json; profile",
        "application/vnd.api+json; =x",
        "application/vnd.api+json, application/json",
        "application/vnd.api+json; profile=\"x\", application/json",
    ] {
        let error = check_content_type(Some(header.as_bytes())).unwrap_err();
        assert_eq!((error.status(), error.code().word), (415, "unsupported_media_type"), "{header}");
        assert_eq!(error.location(), Some(&Location::Header("Content-Type")));
    }
    assert_eq!(check_content_type(None).unwrap_err().status(), 415);
    assert_eq!(check_content_type(Some(b"\xff\x00;\"")).unwrap_err().status(), 415);
}

#[test]
fn a_request_without_a_json_api_instance_in_accept_is_served() {
    assert!(accepted(&[]));
    for header in ["", "*/*", "application/*", "application/json", "text/html, */*;q=0.8", ",,;;=\"", "\"application"] {
        assert!(accepted(&[header]), "{header}");
    }
}

#[test]
fn one_usable_json_api_instance_is_enough() {
    for header in [
        "application/vnd.api+json",
        "application/vnd.api+json;q=0.5",
        "application/vnd.api+json ; Q=1.000",
        "APPLICATION/vnd.api+JSON; profile=\"https://example.com/x\"; q=0.1",
        "application/vnd.api+json; charset=utf-8, application/vnd.api+json",
        "application/vnd.api+json; ext=\"a, application/vnd.api+json\", application/vnd.api+json",
        "text/html, application/vnd.api+json; ext=\"\"",
    ] {
        assert!(accepted(&[header]), "{header}");
    }
    assert!(accepted(&["application/vnd.api+json; charset=utf-8", "text/html, application/vnd.api+json"]));
}

#[test]
fn only_unusable_json_api_instances_are_406() {
    for header in [
        "application/vnd.api+json; charset=utf-8",
        "application/vnd.api+json; charset=utf-8, */*",
        "application/vnd.api+json; ext=\"https://jsonapi.org/ext/atomic\"",
        "application/vnd.api+json; ext=\"https://a, application/vnd.api+json\"",
        "application/vnd.api+json; a=b, application/vnd.api+json; ext=\"x\"",
        "application/vnd.api+json; a=\"\\\", application/vnd.api+json; profile=\"",
        "application/vnd.api+json;q=0",
        "application/vnd.api+json;q=0.000",
        "application/vnd.api+json; profile",
    ] {
        let error = check_accept([header.as_bytes()]).unwrap_err();
        assert_eq!((error.status(), error.code().word), (406, "not_acceptable"), "{header}");
        assert_eq!(error.location(), Some(&Location::Header("Accept")));
    }
    assert!(!accepted(&["application/vnd.api+json; a=b", "*/*"]));
}
