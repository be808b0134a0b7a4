//! `POST /account`: the person goes on with the account of the session.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use super::{Visit, fault::Failure, visit::Fields};
use crate::{Settings, csrf::Purpose};

/// `POST /account`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let mut visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let outcome = match visit.read(&request, payload).await {
        Ok(fields) => choose(&visit, &fields).await,
        Err(failure) => Err(failure),
    };
    visit.answer(outcome)
}

async fn choose(visit: &Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    visit.check(Purpose::ChooseAccount, fields)?;
    let handle = fields.one("handle").unwrap_or_default();
    visit.show(visit.engine().choose_account(handle, &visit.browser()).await?)
}
