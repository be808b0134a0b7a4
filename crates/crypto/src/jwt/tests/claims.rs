use super::*;

fn refused(name: &str, values: impl IntoIterator<Item = Value>, error: TokenError) {
    assert_eq!(accept(&forge_claims(&claims_with(name, None))), Err(error), "{name} missing");
    for value in values {
        let claims = claims_with(name, Some(value.clone()));
        assert_eq!(accept(&forge_claims(&claims)), Err(error), "{name} = {value}");
    }
}

fn accepted(name: &str, value: Value) {
    let claims = claims_with(name, Some(value));
    assert_eq!(accept(&forge_claims(&claims)), Ok(claims));
}

#[test]
fn jw_iss_is_compared_exactly() {
    let others = [
        json!("https://other.example.com"),
        json!("http://acme.example.com"),
        json!("https://acme.example.com/"),
        json!("https://acme.example.com:443"),
        json!("https://ACME.example.com"),
        json!(""),
        json!([ISSUER]),
        json!(null),
    ];
    refused("iss", others, TokenError::Issuer);
}

#[test]
fn jw_aud_has_exactly_one_value_and_it_is_ours() {
    let others = [
        json!([]),
        json!(""),
        json!([""]),
        json!(null),
        json!({"api": AUDIENCE}),
        json!("https://acme.example.com/other"),
        json!("https://acme.example.com/api.evil"),
        json!("https://acme.example.com/ap"),
        json!([AUDIENCE, "https://acme.example.com/other"]),
        json!([AUDIENCE, AUDIENCE]),
        json!([[AUDIENCE]]),
    ];
    refused("aud", others, TokenError::Audience);
    accepted("aud", json!([AUDIENCE]));
}

#[test]
fn jw_aud_is_needed_even_when_any_audience_will_do() {
    let any = Expect { audience: None, ..expect() };
    let elsewhere = claims_with("aud", Some(json!("https://else.example")));
    assert_eq!(accept_as(&forge_claims(&elsewhere), &any), Ok(elsewhere));
    assert_eq!(accept_as(&forge_claims(&claims_with("aud", None)), &any), Err(TokenError::Audience));
}

#[test]
fn jw_exp_is_a_required_integer() {
    let malformed = [json!("1900000000"), json!(1_900_000_000.5), json!(1.9e9), json!(1e308), json!(-1), json!(null)];
    refused("exp", malformed, TokenError::Claim("exp"));
    for written in ["1e308", "1900000000.0", "9223372036854775808"] {
        let payload = good_claims().to_string().replace(&(NOW + 3600).to_string(), written);
        assert_eq!(accept(&forge(HEADER, &payload)), Err(TokenError::Claim("exp")), "{written}");
    }
}

#[test]
fn jw_exp_passes_after_the_leeway() {
    accepted("exp", json!(NOW - 59));
    accepted("exp", json!(i64::MAX));
    for exp in [NOW - 60, NOW - 61, 0] {
        let claims = claims_with("exp", Some(json!(exp)));
        assert_eq!(accept(&forge_claims(&claims)), Err(TokenError::Expired), "{exp}");
    }
}

#[test]
fn jw_exp_iat_is_a_required_integer_not_in_the_future() {
    refused("iat", [json!("1"), json!(1.5), json!(1e308), json!(-1)], TokenError::Claim("iat"));
    for iat in [NOW + 61, i64::MAX] {
        let claims = claims_with("iat", Some(json!(iat)));
        assert_eq!(accept(&forge_claims(&claims)), Err(TokenError::NotYetValid), "{iat}");
    }
}

#[test]
fn jw_exp_nbf_is_optional_but_kept() {
    accepted("nbf", json!(NOW + 60));
    for (nbf, error) in [
        (json!(NOW + 61), TokenError::NotYetValid),
        (json!("1"), TokenError::Claim("nbf")),
        (json!(1.5), TokenError::Claim("nbf")),
        (json!(null), TokenError::Claim("nbf")),
    ] {
        let claims = claims_with("nbf", Some(nbf));
        assert_eq!(accept(&forge_claims(&claims)), Err(error), "{claims}");
    }
}

#[test]
fn jw_skew_a_token_from_a_clock_slightly_ahead_is_accepted() {
    accepted("iat", json!(NOW + 2));
    accepted("iat", json!(NOW + 60));
}

#[test]
fn jw_sub_is_a_required_text() {
    refused("sub", [json!(""), json!(1), json!(null)], TokenError::Claim("sub"));
}

#[test]
fn jw_jti_is_a_required_text() {
    refused("jti", [json!(""), json!(1), json!(["id-1"])], TokenError::Claim("jti"));
}

#[test]
fn claims_are_checked_before_their_shape() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Claims {
        client_id: String,
    }
    let parse = |claims: &Value| {
        let token = forge_claims(claims);
        UnverifiedToken::parse(&token).unwrap().verify(key().public()).unwrap().claims::<Claims>(&expect())
    };
    assert_eq!(parse(&good_claims()), Ok(Claims { client_id: "client-1".to_owned() }));
    assert_eq!(parse(&claims_with("client_id", None)), Err(TokenError::Claims));
    assert_eq!(parse(&claims_with("client_id", Some(json!(1)))), Err(TokenError::Claims));
    assert_eq!(parse(&json!({})), Err(TokenError::Issuer));
}
