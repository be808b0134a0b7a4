//! Request documents.

use crate::common::lines;
use paylent_jsonapi::{
    Field, Identifier, Incoming, Linkage, Reader, has_control_characters, linkage_to_many, linkage_to_one,
};
use serde_json::{Map, Value, json};

fn refused(body: impl AsRef<[u8]>) -> Vec<String> {
    lines(&Incoming::create(body.as_ref(), "user").unwrap_err())
}

/// A create document with these attributes.
fn with_attributes(attributes: Value) -> Incoming {
    let body = json!({ "data": { "type": "user", "attributes": attributes } }).to_string();
    Incoming::create(body.as_bytes(), "user").unwrap()
}

/// A create document with these relationships.
fn with_relationships(relationships: Value) -> Incoming {
    let body = json!({ "data": { "type": "user", "relationships": relationships } }).to_string();
    Incoming::create(body.as_bytes(), "user").unwrap()
}

fn faults<T: std::fmt::Debug>(incoming: Incoming, read: impl FnOnce(&mut Reader) -> T) -> Vec<String> {
    lines(&incoming.read(read).unwrap_err())
}

fn attribute(value: &str) -> String {
    format!(r#"{{"data":{{"type":"user","attributes":{{"x":{value}}}}}}}"#)
}

#[test]
fn a_whole_document_is_read() {
    let body = br#"{
        "jsonapi": {"version": "1.1"}, "meta": {"a": 1}, "links": {"self": "/x"}, "@context": "ignored",
        "data": {"type": "user", "lid": "new", "meta": {}, "links": {}, "@id": 3,
            "attributes": {"email": "a@b.c", "@hint": 1},
            "relationships": {
                "@why": 1,
                "organization": {"data": {"type": "organization", "id": "7", "meta": {"x": 1}}, "meta": {}},
                "manager": {"data": null},
                "roles": {"data": [{"type": "role", "id": "1"}], "links": {"self": "/r"}}}}}"#;
    let incoming = Incoming::create(body, "user").unwrap();
    assert_eq!(Value::from(incoming.attributes), json!({ "email": "a@b.c" }));
    let relationships: Vec<_> = incoming.relationships.into_iter().collect();
    assert_eq!(
        relationships,
        [
            ("manager".to_owned(), Linkage::One(None)),
            ("organization".to_owned(), Linkage::One(Some(Identifier::new("organization", "7")))),
            ("roles".to_owned(), Linkage::Many(vec![Identifier::new("role", "1")])),
        ]
    );
}

#[test]
fn what_is_not_json_is_400() {
    for body in [
        "",
        " ",
        "{",
        "nul",
        "{}x",
        "{} {}",
        "{\"data\":1,}",
        "{'data':1}",
        "\u{feff}{}",
        "{\"a\":NaN}",
        "{\"a\":1e400}",
        "{\"a\":01}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}",
        "// x\n{}",
    ] {
        assert_eq!(refused(body), ["400 invalid_body nowhere"], "{body:?}");
    }
    assert_eq!(refused(b"{\"data\":\"\xff\"}"), ["400 invalid_body nowhere"]);
    assert_eq!(refused(b"\xff\xfe{\x00}\x00"), ["400 invalid_body nowhere"]);
}

#[test]
fn numbers_that_would_change_are_400() {
    for number in ["1180591620717411303424", "1e300", "-1e16", "18446744073709551616"] {
        assert_eq!(refused(attribute(number)), ["400 invalid_body /data/attributes/x"], "{number}");
    }
    for number in ["0", "-5", "1.5", "18446744073709551615", "1e-400", "1e3"] {
        assert!(Incoming::create(attribute(number).as_bytes(), "user").is_ok(), "{number}");
    }
}

#[test]
fn repeated_members_are_400_at_every_level() {
    assert_eq!(refused(r#"{"data":{"type":"user"},"data":{"type":"user"}}"#), ["400 invalid_body /data"]);
    assert_eq!(refused(r#"{"data":{"type":"user","type":"user"}}"#), ["400 invalid_body /data/type"]);
    assert_eq!(refused(attribute(r#"1,"x":1"#)), ["400 invalid_body /data/attributes/x"]);
    assert_eq!(refused(attribute(r#"1,"\u0078":1"#)), ["400 invalid_body /data/attributes/x"]);
    assert_eq!(refused(attribute(r#"[0,{"a/~b":1,"a/~b":2}]"#)), ["400 invalid_body /data/attributes/x/1/a~1~0b"]);
    assert_eq!(refused(r#"{"meta":{"a":1,"a":1},"data":{"type":"user"}}"#), ["400 invalid_body /meta/a"]);
}

#[test]
fn deep_nesting_is_400() {
    let nested = |levels: usize| attribute(&("[".repeat(levels) + &"]".repeat(levels)));
    assert!(Incoming::create(nested(61).as_bytes(), "user").is_ok());
    assert_eq!(refused(nested(62)).len(), 1);
    assert!(refused(nested(62))[0].starts_with("400 invalid_body /data/attributes/x/0/0"));
    assert_eq!(refused("[".repeat(100_000)).len(), 1);
    assert_eq!(refused("{\"a\":".repeat(100_000)).len(), 1);
}

#[test]
fn the_structure_of_a_create_document_is_checked() {
    for (body, expected) in [
        ("null", "400 invalid_body "),
        ("[]", "400 invalid_body "),
        ("{}", "400 invalid_body /data"),
        (r#"{"data":null}"#, "400 invalid_body /data"),
        (r#"{"data":[]}"#, "400 invalid_body /data"),
        (r#"{"data":{}}"#, "400 missing_type /data/type"),
        (r#"{"data":{"type":1}}"#, "400 invalid_body /data/type"),
        (r#"{"data":{"type":"users"}}"#, "409 conflict /data/type"),
        (r#"{"data":{"type":"user","id":"1"}}"#, "403 forbidden /data/id"),
        (r#"{"data":{"type":"user"},"included":[]}"#, "400 invalid_body /included"),
        (r#"{"data":{"type":"user"},"errors":[]}"#, "400 invalid_body /errors"),
        (r#"{"data":{"type":"user"},"atomic:operations":[]}"#, "400 invalid_body /atomic:operations"),
        (r#"{"data":{"type":"user","email":"x"}}"#, "400 invalid_body /data/email"),
        (r#"{"data":{"type":"user","attributes":[]}}"#, "400 invalid_body /data/attributes"),
        (r#"{"data":{"type":"user","attributes":null}}"#, "400 invalid_body /data/attributes"),
        (r#"{"data":{"type":"user","relationships":1}}"#, "400 invalid_body /data/relationships"),
        (r#"{"data":{"type":"user","relationships":{"r":1}}}"#, "400 invalid_body /data/relationships/r"),
        (r#"{"data":{"type":"user","relationships":{"r":{}}}}"#, "400 invalid_body /data/relationships/r"),
        (r#"{"data":{"type":"user","relationships":{"r":{"x":1}}}}"#, "400 invalid_body /data/relationships/r/x"),
        (r#"{"data":{"type":"user","relationships":{"r":{"data":1}}}}"#, "400 invalid_body /data/relationships/r/data"),
        (
            r#"{"data":{"type":"user","relationships":{"r":{"data":{"id":"1"}}}}}"#,
            "400 missing_type /data/relationships/r/data/type",
        ),
        (
            r#"{"data":{"type":"user","relationships":{"r":{"data":[{"type":"role","lid":"1"}]}}}}"#,
            "400 invalid_body /data/relationships/r/data/0/id",
        ),
        (
            r#"{"data":{"type":"user","relationships":{"r":{"data":{"type":"role","id":1}}}}}"#,
            "400 invalid_body /data/relationships/r/data/id",
        ),
        (
            r#"{"data":{"type":"user","relationships":{"r":{"data":{"type":"role","id":"1","name":"x"}}}}}"#,
            "400 invalid_body /data/relationships/r/data/name",
        ),
    ] {
        assert_eq!(refused(body), [expected], "{body}");
    }
}

#[test]
fn an_update_names_the_resource_of_its_url() {
    let update = |id: &str| Incoming::update(format!(r#"{{"data":{{"type":"user"{id}}}}}"#).as_bytes(), "user", "7");
    assert!(update(r#","id":"7""#).is_ok());
    assert_eq!(lines(&update("").unwrap_err()), ["400 invalid_body /data/id"]);
    assert_eq!(lines(&update(r#","id":7"#).unwrap_err()), ["400 invalid_body /data/id"]);
    assert_eq!(lines(&update(r#","id":"8""#).unwrap_err()), ["409 conflict /data/id"]);
    let other = Incoming::update(br#"{"data":{"type":"role","id":"7"}}"#, "user", "7").unwrap_err();
    assert_eq!(lines(&other), ["409 conflict /data/type"]);
}

#[test]
fn control_characters_are_422_where_they_are() {
    for escape in ["\\u0000", "\\n", "\\t", "\\u007f", "\\u0085", "\\u202e", "\\u200f", "\\u2066", "\\u061c"] {
        let body = attribute(&format!(r#"["ok",{{"y":"a{escape}b"}}]"#));
        assert_eq!(refused(body), ["422 invalid_attribute /data/attributes/x/1/y"], "{escape}");
    }
    assert_eq!(refused(attribute(r#"{"a\u0000b":1}"#)), ["422 invalid_attribute /data/attributes/x"]);
    let body = r#"{"data":{"type":"user","relationships":{"r":{"data":{"type":"role","id":"\u0000"}}}}}"#;
    assert_eq!(refused(body), ["422 invalid_attribute /data/relationships/r/data/id"]);
    assert_eq!(refused(attribute(r#""\u0000","y":"\u0001""#)).len(), 2);
}

#[test]
fn ordinary_text_of_any_script_passes() {
    for text in ["", "Zoë", "עברית", "العربية", "日本", "👩‍👩‍👧", "' OR 1=1--", "\u{ad}"] {
        assert!(!has_control_characters(text), "{text}");
    }
}

#[test]
fn attributes_are_read_as_their_types() {
    let incoming = with_attributes(json!({
        "email": "a@b.c", "active": false, "age": -3, "uris": ["a", "b"], "extra": {"k": [1]}, "cleared": null
    }));
    let read = incoming.read(|given| {
        (
            given.required::<String>("email"),
            given.optional::<bool>("active"),
            given.nullable::<i64>("age"),
            given.required::<Vec<String>>("uris"),
            given.required::<Map<String, Value>>("extra"),
            given.nullable::<String>("cleared"),
            given.nullable::<String>("absent"),
            given.optional::<String>("absent_too"),
        )
    });
    let (email, active, age, uris, extra, cleared, absent, absent_too) = read.unwrap();
    assert_eq!((email.as_str(), active, age), ("a@b.c", Some(false), Field::Value(-3)));
    assert_eq!((uris, Value::from(extra)), (vec!["a".to_owned(), "b".to_owned()], json!({ "k": [1] })));
    assert_eq!((cleared, absent, absent_too), (Field::Null, Field::Absent, None));
}

#[test]
fn a_field_is_a_value_or_a_change() {
    assert_eq!(
        (Field::Value(1).value(), Field::<i64>::Null.value(), Field::<i64>::Absent.value()),
        (Some(1), None, None)
    );
    assert_eq!(Field::Value(1).change(), Some(Some(1)));
    assert_eq!(Field::<i64>::Null.change(), Some(None));
    assert_eq!(Field::<i64>::Absent.change(), None);
}

#[test]
fn every_faulty_attribute_is_reported_at_once() {
    let incoming = with_attributes(json!({
        "name": 1, "active": "yes", "age": 1.5, "uris": ["a", 2], "password_hash": "x", "no~such/one": 1, "role": null,
        "nick": null
    }));
    let faults = faults(incoming, |given| {
        given.required::<String>("email");
        given.required::<String>("name");
        given.optional::<bool>("active");
        given.nullable::<i64>("age");
        given.optional::<Vec<String>>("uris");
        given.required::<String>("role");
        given.optional::<String>("nick");
    });
    assert_eq!(
        faults,
        [
            "422 required /data/attributes/email",
            "422 invalid_attribute /data/attributes/name",
            "422 invalid_attribute /data/attributes/active",
            "422 invalid_attribute /data/attributes/age",
            "422 invalid_attribute /data/attributes/uris/1",
            "422 required /data/attributes/role",
            "422 invalid_attribute /data/attributes/nick",
            "422 invalid_attribute /data/attributes/no~0such~1one",
            "422 invalid_attribute /data/attributes/password_hash",
        ]
    );
}

#[test]
fn whatever_is_not_asked_for_is_refused() {
    for name in ["id", "env_id", "created_at", "password_hash", "is_system", "token_hash", "client_secret", "kid"] {
        let faults = faults(with_attributes(json!({ name: "x" })), |_| ());
        assert_eq!(faults, [format!("422 invalid_attribute /data/attributes/{name}")]);
    }
    let faults = faults(with_relationships(json!({ "sessions": { "data": [] } })), |_| ());
    assert_eq!(faults, ["422 invalid_relationship /data/relationships/sessions"]);
}

#[test]
fn a_document_with_thousands_of_faults_gets_a_short_answer() {
    let attributes: Map<String, Value> = (0..5000).map(|n| (n.to_string(), Value::Null)).collect();
    assert_eq!(faults(with_attributes(attributes.into()), |_| ()).len(), 64);
}

#[test]
fn relationships_are_read_by_name_and_type() {
    let incoming = with_relationships(json!({
        "organization": { "data": { "type": "organization", "id": "7" } },
        "manager": { "data": null },
        "roles": { "data": [{ "type": "role", "id": "2" }, { "type": "role", "id": "1" }, { "type": "role", "id": "2" }] },
    }));
    let read = incoming.read(|given| {
        (
            given.required_one("organization", "organization"),
            given.optional_one("manager", "user"),
            given.optional_one("absent", "user"),
            given.many("roles", "role"),
            given.many("absent", "role"),
        )
    });
    let roles = ["2", "1", "2"].map(str::to_owned).to_vec();
    assert_eq!(read.unwrap(), ("7".to_owned(), Field::Null, Field::Absent, Some(roles), None));
}

#[test]
fn every_faulty_relationship_is_reported_at_once() {
    let incoming = with_relationships(json!({
        "a": { "data": { "type": "role", "id": "7" } },
        "b": { "data": null },
        "c": { "data": [] },
        "d": { "data": null },
        "e": { "data": [{ "type": "role", "id": "2" }, { "type": "user", "id": "1" }] },
    }));
    let faults = faults(incoming, |given| {
        given.required_one("a", "user");
        given.required_one("b", "user");
        given.required_one("c", "user");
        given.many("d", "role");
        given.many("e", "role");
        given.required_one("f", "user");
    });
    assert_eq!(
        faults,
        [
            "422 invalid_relationship /data/relationships/a/data/type",
            "422 required /data/relationships/b",
            "422 invalid_relationship /data/relationships/c/data",
            "422 invalid_relationship /data/relationships/d/data",
            "422 invalid_relationship /data/relationships/e/data/1/type",
            "422 required /data/relationships/f",
        ]
    );
}

#[test]
fn a_callers_own_refusal_joins_the_others() {
    use paylent_jsonapi::{Code, Error};
    let faults = faults(with_attributes(json!({ "email": "nonsense", "x": 1 })), |given| {
        let _email: String = given.required("email");
        given.refuse(Error::new(Code::INVALID_ATTRIBUTE, "This is no e-mail address.").at_attribute("email"));
    });
    assert_eq!(faults, ["422 invalid_attribute /data/attributes/email", "422 invalid_attribute /data/attributes/x"]);
}

#[test]
fn relationship_documents_are_read() {
    assert_eq!(linkage_to_one(br#"{"data":{"type":"user","id":"1"}}"#, "user"), Ok(Some("1".to_owned())));
    assert_eq!(linkage_to_one(br#"{"data":null}"#, "user"), Ok(None));
    let many = br#"{"data":[{"type":"role","id":"1"},{"type":"role","id":"1"}],"meta":{}}"#;
    assert_eq!(linkage_to_many(many, "role"), Ok(vec!["1".to_owned(); 2]), "as they stand there, for pointers to them");
    assert_eq!(linkage_to_many(br#"{"data":[]}"#, "role"), Ok(Vec::new()));
}

#[test]
fn faulty_relationship_documents_are_refused() {
    let one = |body: &str| lines(&linkage_to_one(body.as_bytes(), "user").unwrap_err());
    let many = |body: &str| lines(&linkage_to_many(body.as_bytes(), "user").unwrap_err());
    assert_eq!(one("{}"), ["400 invalid_body /data"]);
    assert_eq!(one(r#"{"data":[]}"#), ["400 invalid_body /data"]);
    assert_eq!(one(r#"{"data":{"type":"role","id":"1"}}"#), ["422 invalid_relationship /data/type"]);
    assert_eq!(one(r#"{"data":{"type":"user"}}"#), ["400 invalid_body /data/id"]);
    assert_eq!(one(r#"{"data":{"type":"user","id":"1","attributes":{}}}"#), ["400 invalid_body /data/attributes"]);
    assert_eq!(many(r#"{"data":null}"#), ["400 invalid_body /data"]);
    assert_eq!(many(r#"{"data":[null]}"#), ["400 invalid_body /data/0"]);
    assert_eq!(many(r#"{"data":[{"type":"role","id":"1"}]}"#), ["422 invalid_relationship /data/0/type"]);
}
