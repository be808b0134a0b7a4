//! `/account/data`: everything that is known about a person, as a file.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    web::Data,
};
use paylent_domain::audit::Entry;
use paylent_storage::{AuditFilter, Order, Page, Person, Place, SessionFilter};
use serde_json::{Map, Value, json};

use super::{
    super::{Visit, fault::Failure, show},
    Tokens, by, shown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        account::{DataPage, Section},
        headers,
    },
};

/// How many rows are read at once.
const ROWS: i64 = 500;

/// `GET /account/data`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, _: Person| {
        let tokens = Tokens::new(visit, Purpose::SignOut).await?;
        let page = DataPage { frame: visit.frame(), around: tokens.around(visit, Section::Data, false) };
        Ok(show::page(200, &page))
    };
    shown(&request, &settings, run).await
}

/// `GET /account/data.json`
pub(in crate::flow) async fn download(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| {
        let mut response = HttpResponse::Ok();
        for header in headers::COMMON {
            response.insert_header(header);
        }
        response.insert_header((CONTENT_TYPE, "application/json"));
        response.insert_header((CONTENT_DISPOSITION, "attachment; filename=\"account.json\""));
        let body = format!("{:#}\n", everything(visit, &person).await?);
        visit.env.tell_data_downloaded(person.id, &person.email, &by(visit, &person)).await?;
        Ok(response.body(body))
    };
    shown(&request, &settings, run).await
}

async fn everything(visit: &Visit, person: &Person) -> Result<Value, Failure> {
    let env = &visit.env;
    let filter = SessionFilter { user_id: Some(person.id), revoked: None };
    let sessions = env.sessions(filter, newest(None)).await?.rows;
    let (connections, memberships) =
        (env.connected_applications(person.id, visit.now).await?, env.own_memberships(person.id).await?);
    let invitations = env.own_invitations(person.id, visit.now).await?;
    Ok(json!({
        "profile": {
            "id": person.id.to_string(),
            "email": person.email.as_str(),
            "email_verified": person.email_verified,
            "pending_email": person.pending_email.as_ref().map(|email| email.as_str()),
            "first_name": person.first_name,
            "last_name": person.last_name,
            "locale": person.language.map(|language| language.tag()),
            "created_at": person.created_at.to_string(),
        },
        "sessions": sessions.iter().map(|session| json!({
            "id": session.id.to_string(),
            "ip_address": session.ip.map(|ip| ip.to_string()),
            "user_agent": session.user_agent,
            "created_at": session.created_at.to_string(),
            "last_activity_at": session.last_activity_at.to_string(),
            "expires_at": session.expires_at.to_string(),
            "revoked_at": session.revoked_at.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
        "applications": connections.iter().map(|connection| json!({
            "client_id": connection.client_id,
            "name": connection.name,
            "since": connection.since.to_string(),
            "scopes": connection.scopes.iter().map(|scope| scope.name.as_str()).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "organizations": memberships.iter().map(|membership| json!({
            "id": membership.organization_id.to_string(),
            "name": membership.organization,
            "roles": membership.roles.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            "since": membership.since.to_string(),
        })).collect::<Vec<_>>(),
        "invitations": invitations.iter().map(|invitation| json!({
            "id": invitation.id.to_string(),
            "organization": invitation.organization,
            "expires_at": invitation.expires_at.to_string(),
        })).collect::<Vec<_>>(),
        "audit_events": events(visit, person).await?,
    }))
}

/// Everything that the person did, newest first.
async fn events(visit: &Visit, person: &Person) -> Result<Vec<Value>, Failure> {
    let (mut told, mut beyond) = (Vec::new(), None);
    loop {
        let filter = AuditFilter { actor_id: Some(person.id.to_string()) };
        let rows = visit.env.audit_events(filter, newest(beyond)).await?.rows;
        told.extend(rows.iter().map(event));
        match rows.last() {
            Some(last) if rows.len() as i64 == ROWS => {
                beyond = Some(Place { name: String::new(), id: *last.id.as_bytes() });
            }
            _ => return Ok(told),
        }
    }
}

fn newest(beyond: Option<Place>) -> Page {
    Page { limit: ROWS, beyond, order: Order { by_name: None, newest_first: true }, ..Page::default() }
}

fn event(entry: &Entry) -> Value {
    let changes: Map<String, Value> = entry
        .changes
        .iter()
        .map(|change| (change.field.to_string(), json!({"from": change.from, "to": change.to})))
        .collect();
    json!({
        "action": entry.action,
        "occurred_at": entry.occurred_at.to_string(),
        "ip_address": entry.ip.map(|ip| ip.to_string()),
        "user_agent": entry.user_agent,
        "targets": entry.targets.iter().map(|target| json!({
            "type": target.kind, "id": target.id, "name": target.name,
        })).collect::<Vec<_>>(),
        "changes": changes,
    })
}
