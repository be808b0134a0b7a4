//! Signing out: `/oauth/logout` (RP-Initiated Logout 1.0) and the page that asks first.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_oauth::{LogoutStep, Parameters, SignedOut};

use super::{
    Visit,
    again::come_again,
    fault::Failure,
    respond, respond_to_form, show,
    visit::{Fields, form_bytes, ui_locales},
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{self, Href, Name, SignOut},
};

/// `GET /oauth/logout`
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| logout(visit, request.query_string().as_bytes()).await;
    respond(&request, &settings, run).await
}

/// `POST /oauth/logout`. One from another site brings no cookies, so the browser is asked to come again.
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let form = form_bytes(&request, payload).await?;
        if !visit.is_known() {
            return come_again("/oauth/logout", &form);
        }
        visit.speak(std::str::from_utf8(&form).ok().and_then(ui_locales).as_deref());
        logout(visit, &form).await
    };
    respond(&request, &settings, run).await
}

/// `POST /logout`: what the person decided.
pub(super) async fn confirm(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, decide).await
}

async fn logout(visit: &mut Visit, encoded: &[u8]) -> Result<HttpResponse, Failure> {
    let parameters = Parameters::from_form(encoded)?;
    match visit.engine().logout(&parameters, &visit.browser()).await? {
        LogoutStep::Confirm { handle, client } => {
            let csrf = visit.csrf(Purpose::SignOut);
            let question = SignOut {
                frame: visit.frame(),
                form: visit.form("/logout", &csrf, &handle),
                client: client.as_deref().map(Name),
                account: visit.account(),
            };
            Ok(show::page(200, &question))
        }
        LogoutStep::Done(done) => Ok(signed_out(visit, &done)),
    }
}

async fn decide(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    visit.check(Purpose::SignOut, fields)?;
    let handle = fields.one("handle").unwrap_or_default();
    match fields.one("decision") {
        Some("sign_out") => {
            let done = visit.engine().confirm_logout(handle, &visit.browser()).await?;
            Ok(signed_out(visit, &done))
        }
        Some("stay") => {
            visit.engine().decline_logout(handle, &visit.browser())?;
            Ok(show::page(200, &pages::Stayed { frame: visit.frame(), account: visit.account() }))
        }
        _ => Err(Failure::malformed("The decision cannot be read.")),
    }
}

fn signed_out(visit: &mut Visit, done: &SignedOut) -> HttpResponse {
    visit.sign_out();
    match &done.redirect {
        Some(url) => show::redirect(url),
        None => show::page(200, &pages::SignedOut { frame: visit.frame(), sign_in: Href::parse("/login") }),
    }
}
