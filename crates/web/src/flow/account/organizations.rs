//! `/account/organizations`: where a person belongs, and is asked to join.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_storage::{Error, Person, Refusal};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Tokens, by, chosen, done, is_done, say_done, shown, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Name,
        account::{Moment, OrganizationsPage, OwnInvitation, OwnMembership, Section},
    },
};

/// `GET /account/organizations`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| show_page(visit, &person, is_done(&request), false).await;
    shown(&request, &settings, run).await
}

/// `POST /account/organizations`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Organizations, leave).await
}

async fn leave(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let id = chosen(fields, "membership")?;
    match visit.env.leave_organization(person.id, id, &by(visit, &person)).await {
        Ok(true) => Ok(say_done(Section::Organizations)),
        Ok(false) => Err(unknown()),
        Err(Error::Refused(Refusal::LastAdmin)) => show_page(visit, &person, false, true).await,
        Err(error) => Err(error.into()),
    }
}

async fn show_page(visit: &Visit, person: &Person, done: bool, last_admin: bool) -> Result<HttpResponse, Failure> {
    let memberships = visit.env.own_memberships(person.id).await?;
    let invitations = visit.env.own_invitations(person.id, visit.now).await?;
    let memberships: Vec<OwnMembership<'_>> = memberships.iter().map(membership).collect();
    let invitations: Vec<OwnInvitation<'_>> = invitations
        .iter()
        .map(|invitation| OwnInvitation {
            id: invitation.id.to_string(),
            organization: Name(&invitation.organization),
            until: Moment(invitation.expires_at),
        })
        .collect();
    let tokens = Tokens::new(visit, Purpose::Organizations).await?;
    let page = OrganizationsPage {
        frame: visit.frame(),
        around: tokens.around(visit, Section::Organizations, done),
        form: visit.own_form("/account/organizations", &tokens.own),
        memberships: &memberships,
        last_admin,
        invitations: &invitations,
    };
    Ok(show::page(if last_admin { 409 } else { 200 }, &page))
}

fn membership(membership: &paylent_storage::OwnMembership) -> OwnMembership<'_> {
    let roles = membership.roles.iter().map(|(name, description)| Name(description.as_deref().unwrap_or(name)));
    OwnMembership {
        id: membership.id.to_string(),
        organization: Name(&membership.organization),
        connections: format!("/organizations/{}/connections", membership.organization_id),
        roles: roles.collect(),
        since: Moment(membership.since),
    }
}
