//! `POST /consent`: what the person decided.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::scope::Scopes;
use paylent_oauth::Decision;

use super::{Visit, fault::Failure, respond_to_form, visit::Fields};
use crate::{Settings, csrf::Purpose};

/// `POST /consent`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, decide).await
}

async fn decide(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    visit.check(Purpose::Consent, fields)?;
    let damaged = || Failure::malformed("The decision cannot be read.");
    let decision = match fields.one("decision") {
        Some("allow") => {
            let scopes = fields.all("scope").collect::<Vec<_>>().join(" ");
            Decision::Approve(Scopes::parse(&scopes).map_err(|_| damaged())?)
        }
        Some("deny") => Decision::Deny,
        _ => return Err(damaged()),
    };
    let handle = fields.one("handle").unwrap_or_default();
    visit.show(visit.engine().decide(handle, &visit.browser(), decision).await?).await
}
