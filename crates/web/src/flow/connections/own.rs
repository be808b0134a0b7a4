//! `/account/applications/{connection}`: what somebody connected for themself alone, and for no organization.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::application::Connection;
use paylent_storage::Person;

use super::{
    super::{Visit, account, fault::Failure, visit::Fields},
    connection::OpenedConnection,
    id, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::connections::{Done, Place},
};

/// The list, and the same after something was disconnected.
const LIST: &str = "/account/applications";
const ONWARD: &str = "/account/applications?done";

/// `GET /account/applications/{connection}`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| {
        let connection = find(visit, &person, &request).await?;
        opened(visit, &person, &request, connection).page(None, Vec::new()).await
    };
    account::shown(&request, &settings, run).await
}

/// `POST /account/applications/{connection}`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person, fields: &Fields| {
        let connection = find(visit, &person, &request).await?;
        opened(visit, &person, &request, connection).change(fields).await
    };
    account::done(&request, payload, &settings, Purpose::Connection, run).await
}

/// The connection that the path names: one of the person's own. Those for an organization are at that organization's pages.
async fn find(visit: &Visit, person: &Person, request: &HttpRequest) -> Result<Connection, Failure> {
    let connection = visit.env.application_connection(id(request, "connection")?).await?.ok_or_else(unknown)?;
    let is_own = connection.organization_id.is_none() && connection.user_id == Some(person.id);
    if is_own { Ok(connection) } else { Err(unknown()) }
}

fn opened<'a>(
    visit: &'a Visit,
    person: &Person,
    request: &HttpRequest,
    connection: Connection,
) -> OpenedConnection<'a> {
    let (done, is_disguised) = (Done::of(request.query_string()), visit.origin.is_disguised);
    let place = Place { organization: None, path: LIST, done, is_disguised };
    OpenedConnection { visit, connection, place, by: account::by(visit, person), onward: ONWARD }
}
