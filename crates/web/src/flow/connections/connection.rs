//! `/organizations/{id}/connections/{connection}`: less for an application, or nothing more.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::{application::Connection, scope::Scopes};
use paylent_storage::{Error, Refusal};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Desk,
    changes::{expected, version},
    done, granted, id, problem, say, shown, status, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::connections::{ConnectionPage, Done, Problem, Wrong},
};

/// `GET /organizations/{id}/connections/{connection}`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, desk: Desk| {
        let connection = find(visit, &desk, &request).await?;
        page(visit, &desk, connection, None, Vec::new()).await
    };
    shown(&request, &settings, run).await
}

/// `POST /organizations/{id}/connections/{connection}`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, desk: Desk, fields: &Fields| {
        let connection = find(visit, &desk, &request).await?;
        match fields.one("action") {
            Some("disconnect") => disconnect(visit, &desk, connection, fields).await,
            _ => narrow(visit, &desk, connection, fields).await,
        }
    };
    done(&request, payload, &settings, Purpose::Connection, run).await
}

/// The connection that the path names: one of this organization, and the person's own unless they are a company-wide
/// admin.
async fn find(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<Connection, Failure> {
    let connection = visit.env.application_connection(id(request, "connection")?).await?.ok_or_else(unknown)?;
    let is_here = connection.organization_id == Some(desk.organization);
    let is_theirs = desk.is_admin() || connection.user_id == Some(desk.person.id);
    if is_here && is_theirs { Ok(connection) } else { Err(unknown()) }
}

async fn disconnect(
    visit: &Visit,
    desk: &Desk,
    connection: Connection,
    fields: &Fields,
) -> Result<HttpResponse, Failure> {
    match visit.env.disconnect(connection.id, &expected(fields), &desk.by(visit)).await {
        Ok(true) => Ok(say(&desk.path, Done::Disconnected)),
        Ok(false) => Err(unknown()),
        Err(Error::Refused(Refusal::Stale)) => {
            page(visit, desk, connection, None, problem("disconnect", Wrong::Overtaken)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Keeps what is still ticked, and what the application may know of the person.
async fn narrow(visit: &Visit, desk: &Desk, connection: Connection, fields: &Fields) -> Result<HttpResponse, Failure> {
    let ticked: Scopes = fields.all("permission").map(str::to_owned).collect();
    let kept = connection.permissions.iter().filter(|name| ticked.contains(name)).map(str::to_owned).collect();
    match visit.env.narrow_connection(connection.id, kept, &expected(fields), &desk.by(visit)).await {
        Ok(Some(_)) => Ok(say(&format!("{}/{}", desk.path, connection.id), Done::Saved)),
        Ok(None) => Err(unknown()),
        Err(Error::Refused(Refusal::NothingLeft)) => {
            page(visit, desk, connection, Some(ticked), problem("permissions", Wrong::NoPermission)).await
        }
        Err(Error::Refused(_)) => page(visit, desk, connection, None, problem("permissions", Wrong::Overtaken)).await,
        Err(error) => Err(error.into()),
    }
}

async fn page(
    visit: &Visit,
    desk: &Desk,
    connection: Connection,
    ticked: Option<Scopes>,
    mut problems: Vec<Problem>,
) -> Result<HttpResponse, Failure> {
    let (csrf, version) = (visit.csrf(Purpose::Connection), version(connection.updated_at));
    let ticked = ticked.unwrap_or_else(|| connection.permissions.clone());
    let granted = granted::in_words(visit, desk, vec![connection]).await?.pop().ok_or_else(unknown)?;
    // Where there is nothing to tick, the other form is what the problem leads to.
    for problem in problems.iter_mut().filter(|_| granted.permissions.is_empty()) {
        problem.field = "disconnect";
    }
    let page = ConnectionPage {
        frame: visit.frame(),
        place: desk.place(visit),
        form: visit.own_form(&granted.path, &csrf),
        version: &version,
        granted: &granted,
        ticked: &ticked.iter().collect::<Vec<_>>(),
        problems: &problems,
    };
    Ok(show::page(status(&problems), &page))
}
