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
    respond,
    visit::{form_bytes, ui_locales},
};
use crate::Settings;

/// `GET /oauth/authorize`
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| authorize(visit, request.query_string().as_bytes()).await;
    respond(&request, &settings, run).await
}

/// `POST /oauth/authorize`. One from another site brings no cookies, so the browser is asked to come again.
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let form = form_bytes(&request, payload).await?;
        if !visit.is_known() {
            return come_again("/oauth/authorize", &form);
        }
        visit.speak(std::str::from_utf8(&form).ok().and_then(ui_locales).as_deref());
        authorize(visit, &form).await
    };
    respond(&request, &settings, run).await
}

async fn authorize(visit: &Visit, encoded: &[u8]) -> Result<HttpResponse, Failure> {
    if encoded.len() > MAX_QUERY {
        return Err(Failure::malformed("The parameters are longer than 8 KiB."));
    }
    let request = AuthorizationRequest::parse(encoded)?;
    visit.show(visit.engine().authorize(request, &visit.browser()).await?).await
}
