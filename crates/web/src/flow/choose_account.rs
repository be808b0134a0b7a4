//! `POST /login/account`: the person goes on with the account of the session.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use super::{Visit, fault::Failure, respond_to_form, visit::Fields};
use crate::{Settings, csrf::Purpose};

/// `POST /login/account`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, choose).await
}

async fn choose(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    visit.check(Purpose::ChooseAccount, fields)?;
    let handle = fields.one("handle").unwrap_or_default();
    visit.show(visit.engine().choose_account(handle, &visit.browser()).await?).await
}
