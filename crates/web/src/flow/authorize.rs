//! `GET` and `POST /oauth/authorize` (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2.1).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_oauth::AuthorizationRequest;

use super::{
    Visit,
    again::{MAX_QUERY, come_again},
    fault::Failure,
    visit::{form_bytes, ui_locales},
};
use crate::Settings;

/// `GET /oauth/authorize`
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    visit.answer(authorize(&visit, request.query_string().as_bytes()).await)
}

/// `POST /oauth/authorize`. One from another site brings no cookies, so the browser is asked to come again.
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let mut visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let outcome = match form_bytes(&request, payload).await {
        Ok(form) if !visit.is_known() => come_again("/oauth/authorize", &form),
        Ok(form) => {
            visit.speak(std::str::from_utf8(&form).ok().and_then(ui_locales).as_deref());
            authorize(&visit, &form).await
        }
        Err(failure) => Err(failure),
    };
    visit.answer(outcome)
}

async fn authorize(visit: &Visit, encoded: &[u8]) -> Result<HttpResponse, Failure> {
    if encoded.len() > MAX_QUERY {
        return Err(Failure::malformed("The parameters are longer than 8 KiB."));
    }
    let request = AuthorizationRequest::parse(encoded)?;
    visit.show(visit.engine().authorize(request, &visit.browser()).await?)
}
