//! `POST /organization`: the person chose the organization to act for, or none.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use super::{Visit, fault::Failure, respond_to_form, visit::Fields};
use crate::{Settings, csrf::Purpose};

/// `POST /organization`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, choose).await
}

async fn choose(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    visit.check(Purpose::ChooseOrganization, fields)?;
    let chosen = fields.one("organization").ok_or(Failure::malformed("The choice cannot be read."))?;
    let organization = Some(chosen).filter(|chosen| !chosen.is_empty());
    let handle = fields.one("handle").unwrap_or_default();
    visit.show(visit.engine().choose_organization(handle, &visit.browser(), organization).await?).await
}
