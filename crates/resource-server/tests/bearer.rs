//! Where the token is (RFC 6750 section 2).

use paylent_resource_server::{Mode, Rejection};

use crate::common::{World, request};

#[tokio::test]
async fn jw_scheme_the_token_is_in_one_well_formed_header() {
    let world = World::new(Mode::Jwks).await;
    let token = world.token(0);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let header = format!("{scheme} {token}");
        assert!(world.validator.validate(&request(None, &[("authorization", &header)])).await.is_ok());
    }
    let good = format!("Bearer {token}");
    let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(world.validator.validate(&request(None, &twice)).await, Err(Rejection::Malformed));
    for bad in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer\t{token}"),
        format!("Bearer  {token}"),
        format!("Bearer Bearer {token}"),
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer {token} "),
    ] {
        let rejection = world.validator.validate(&request(None, &[("authorization", &bad)])).await.unwrap_err();
        assert_eq!(rejection.status(), 400, "{bad}");
        assert_eq!(rejection.www_authenticate().as_deref(), Some(r#"Bearer error="invalid_request""#));
    }
    for bad in [format!("Basic {token}"), format!("Bearer {}", "a".repeat(9_000))] {
        assert_eq!(
            world.validator.validate(&request(None, &[("authorization", &bad)])).await.unwrap_err().status(),
            401
        );
    }
}

#[tokio::test]
async fn who_sends_no_token_is_told_no_error() {
    let world = World::new(Mode::Jwks).await;
    let rejection = world.validator.validate(&request(None, &[])).await.unwrap_err();
    assert_eq!(rejection, Rejection::MissingToken);
    assert_eq!((rejection.status(), rejection.www_authenticate().as_deref()), (401, Some("Bearer")));
}
