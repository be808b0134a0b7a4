//! `/organizations/{id}/connections`

use actix_web::{HttpRequest, HttpResponse, web::Data};
use paylent_storage::{ApplicationFilter, ConnectionFilter};

use super::{
    super::{Visit, fault::Failure, show},
    Member, cut, granted, page_after, shown,
};
use crate::{
    Settings,
    pages::{
        Name,
        account::Moment,
        connections::{ConnectionsPage, OwnApplication},
    },
};

/// `GET /organizations/{id}/connections`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member| page(visit, &member, &request).await;
    shown(&request, &settings, run).await
}

async fn page(visit: &Visit, member: &Member, request: &HttpRequest) -> Result<HttpResponse, Failure> {
    let filter = ConnectionFilter {
        organization_id: Some(member.organization),
        user_id: (!member.is_admin()).then_some(member.person.id),
        ..Default::default()
    };
    let mut rows = visit.env.application_connections(filter, page_after(request, "connections")).await?.rows;
    let more_connections = cut(&mut rows, &member.path, "connections", |connection| connection.id);
    let connections = granted::in_words(visit, &member.path, rows).await?;
    let (applications, more_applications) = applications(visit, member, request).await?;
    let page = ConnectionsPage {
        frame: visit.frame(),
        place: member.place(visit),
        organization: Name(&member.name),
        applications: applications.as_deref(),
        more_applications: more_applications.as_deref(),
        connections: &connections,
        more_connections: more_connections.as_deref(),
    };
    Ok(show::page(200, &page))
}

/// The organization's applications, for its company-wide admins.
async fn applications(
    visit: &Visit,
    member: &Member,
    request: &HttpRequest,
) -> Result<(Option<Vec<OwnApplication>>, Option<String>), Failure> {
    if !member.is_admin() {
        return Ok((None, None));
    }
    let filter = ApplicationFilter { organization_id: Some(member.organization), ..Default::default() };
    let mut rows = visit.env.applications(filter, page_after(request, "applications")).await?.rows;
    let more = cut(&mut rows, &member.path, "applications", |application| application.id);
    let rows = rows.into_iter().map(|application| OwnApplication {
        path: member.path_of(application.id),
        grant: application.grant_type,
        listed: application.ip_allow_list.entries().count(),
        created: Moment(application.created_at),
        name: application.name,
    });
    Ok((Some(rows.collect()), more))
}
