//! RFC 9207: every answer of the authorization endpoint says which issuer it is from.

use paylent_oauth::Decision;

use crate::common::{
    Environment, ISSUER,
    people::{parameter, query_of, returned},
};

#[tokio::test]
async fn az_success_hdr_a_code_comes_with_the_issuer() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    for mode in ["query", "form_post"] {
        let answer = environment.answer(&app, &person, &[("response_mode", mode)]).await;
        assert_eq!(parameter(&answer, "iss"), Some(ISSUER));
        assert!(answer.error.is_none());
    }
    let url = environment.answer(&app, &person, &[]).await.url();
    assert_eq!(query_of(&url)["iss"], environment.engine.metadata().issuer);
}

#[tokio::test]
async fn an_error_comes_with_the_issuer() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let step = environment.authorize(&person.browser, &app.request(&[("response_type", "token")])).await;
    assert_eq!(parameter(&returned(step), "iss"), Some(ISSUER));
    let Ok(paylent_oauth::Step::Consent(consent)) = environment.authorize(&person.browser, &app.request(&[])).await
    else {
        panic!("the person is asked")
    };
    let step = environment.engine.decide(&consent.handle, &person.browser, Decision::Deny).await;
    assert_eq!(parameter(&returned(step), "iss"), Some(ISSUER));
}

#[tokio::test]
async fn the_metadata_says_so() {
    let metadata = serde_json::to_value(Environment::interactive().engine.metadata()).unwrap();
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}
