use super::*;

#[test]
fn jw_form_only_three_parts_are_a_token() {
    let good = forge_claims(&good_claims());
    let parts: Vec<_> = good.split('.').collect();
    let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    let general =
        json!({"payload": parts[1], "signatures": [{"protected": parts[0], "signature": parts[2]}]}).to_string();
    let jwe = [&encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}"#), "AA", "AA", "AA", "AA"].join(".");
    let malformed = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        parts[..2].join("."),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.AA"),
        format!("{good}.AA.AA"),
        flattened,
        general,
        jwe,
        format!("Bearer {good}"),
        format!("Bearer Bearer {good}"),
    ];
    for token in malformed {
        assert_eq!(UnverifiedToken::parse(&token).err(), Some(TokenError::Malformed), "{token}");
    }
}

#[test]
fn jw_form_the_header_is_an_object_without_repeated_names() {
    for header in [
        "",
        "null",
        "[]",
        r#""RS256""#,
        "{",
        r#"{"alg":"RS256","typ":"at+jwt","kid":"key-1"} x"#,
        r#"{"alg":"RS256","typ":"at+jwt","kid":"key-1","kid":"key-1"}"#,
        r#"{"alg":"none","typ":"at+jwt","kid":"key-1","alg":"RS256"}"#,
        r#"{"alg":"RS256","typ":"at+jwt","kid":"key-1","\u0061lg":"RS256"}"#,
        "\u{feff}{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"key-1\"}",
    ] {
        let token = forge(header, &good_claims().to_string());
        assert_eq!(UnverifiedToken::parse(&token).err(), Some(TokenError::Malformed), "{header}");
    }
}

#[test]
fn jw_form_the_claims_are_an_object_without_repeated_names() {
    let good = good_claims().to_string();
    let open = good.trim_end_matches('}');
    let malformed = [
        String::new(),
        "null".to_owned(),
        format!("[{good}]"),
        format!(r#"{open},"sub":"user-2"}}"#),
        format!(r#"{open},"s\u0075b":"user-2"}}"#),
        format!(r#"{open},"act":{{"sub":"a","sub":"b"}}}}"#),
        format!(r#"{open},"list":[{{"a":1,"a":1}}]}}"#),
        format!(r#"{open},"x":1e999}}"#),
        format!("{open},\"x\":{}{}}}", "[".repeat(200), "]".repeat(200)),
    ];
    for payload in malformed {
        assert_eq!(accept(&forge(HEADER, &payload)), Err(TokenError::Claims), "{payload}");
    }
    let signed = format!("{}.{}", encode(HEADER), encode(b"{\"iss\":\"\xff\"}"));
    let token = format!("{signed}.{}", encode(key().sign(signed.as_bytes()).unwrap()));
    assert_eq!(accept(&token), Err(TokenError::Claims), "not UTF-8");
}

#[test]
fn jw_form_a_token_is_at_most_eight_kibibytes() {
    let padded = |length| forge_claims(&claims_with("pad", Some(json!("x".repeat(length)))));
    let length = (MAX_LENGTH - padded(0).len()) / 4 * 3;
    let longest = padded(length);
    assert!((MAX_LENGTH - 4..=MAX_LENGTH).contains(&longest.len()), "{}", longest.len());
    assert!(accept(&longest).is_ok());
    assert_eq!(accept(&padded(length + 6)), Err(TokenError::TooLong));
}
