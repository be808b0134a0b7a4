//! `/organizations/{id}/…`: the applications of an organization, and what it and its people connected.
//!
//! Only members come here; to everybody else there is no such organization. Its company-wide admins see and change
//! everything, other members what they connected themselves. Both is found out anew with every request.

pub(super) mod application;
mod changes;
pub(super) mod connection;
pub(super) mod deletion;
mod draft;
mod granted;
pub(super) mod list;
pub(super) mod new;
pub(super) mod own;
mod showing;

use actix_web::{HttpRequest, HttpResponse, web::Payload};
use paylent_domain::{
    Id,
    application::{Application, COMPANY_ADMIN},
    audit::Context,
    organization::Organization,
    permission::Permissions,
    policy::{exercised_by, lacking},
};
use paylent_storage::{Authority, Page, Person};

use super::{Visit, account, fault::Failure, show, visit::Fields};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Fault, Name,
        connections::{Done, Place, Problem, Wrong},
    },
};

/// How many rows one page shows of a list.
const ROWS: i64 = 25;

/// A member of an organization, and what they may do there.
struct Member {
    organization: Id<Organization>,
    name: String,
    /// The page that lists its connections.
    path: String,
    /// What the person did a moment ago.
    said: Option<Done>,
    person: Person,
    authority: Authority,
}

impl Member {
    /// The person's, at the organization that the path names.
    async fn of(visit: &Visit, request: &HttpRequest, person: Person) -> Result<Self, Failure> {
        let organization = id(request, "id")?;
        let mut memberships = visit.env.own_memberships(person.id).await?.into_iter();
        let membership = memberships.find(|membership| membership.organization_id == organization);
        let membership = membership.ok_or_else(unknown)?;
        let authority = visit.env.authority(person.id).await?.ok_or_else(unknown)?;
        let path = format!("/organizations/{organization}/connections");
        let said = Done::of(request.query_string());
        Ok(Self { organization, name: membership.organization, path, said, person, authority })
    }

    /// What the person may do in this organization alone.
    fn there(&self) -> Option<&Permissions> {
        self.authority.organizations.get(&self.organization)
    }

    /// Whether the person is one of the organization's company-wide admins, which a role in that organization makes alone.
    fn is_admin(&self) -> bool {
        self.there().is_some_and(|held| held.contains(COMPANY_ADMIN))
    }

    /// Refuses everybody but its company-wide admins.
    fn admin(&self) -> Result<(), Failure> {
        if self.is_admin() { Ok(()) } else { Err(unknown()) }
    }

    /// Whether the person may give this scope of the Management API to an application: they have all that it exercises.
    fn may_give(&self, scope: &str) -> bool {
        lacking(&exercised_by(scope), &self.authority.permissions, self.there()).is_none()
    }

    /// The application of this organization that the path names, for its company-wide admins.
    async fn application(&self, visit: &Visit, request: &HttpRequest) -> Result<Application, Failure> {
        self.admin()?;
        let application = visit.env.application_by_id(id(request, "application")?).await?;
        application.filter(|application| application.organization_id == self.organization).ok_or_else(unknown)
    }

    /// Where an application is shown.
    fn path_of(&self, application: Id<Application>) -> String {
        format!("/organizations/{}/applications/{application}", self.organization)
    }

    /// What surrounds a page.
    fn place(&self, visit: &Visit) -> Place<'_> {
        let is_disguised = visit.origin.is_disguised;
        Place { organization: Some(Name(&self.name)), path: &self.path, done: self.said, is_disguised }
    }

    /// The person, as the audit trail tells it.
    fn by(&self, visit: &Visit) -> Context {
        account::by(visit, &self.person)
    }
}

/// Shows a page to a member.
async fn shown(
    request: &HttpRequest,
    settings: &Settings,
    run: impl AsyncFnOnce(&mut Visit, Member) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| {
        let member = Member::of(visit, request, person).await?;
        run(visit, member).await
    };
    account::shown(request, settings, run).await
}

/// Does what a member asks for with the form of a page.
async fn done(
    request: &HttpRequest,
    payload: Payload,
    settings: &Settings,
    purpose: Purpose,
    run: impl AsyncFnOnce(&mut Visit, Member, &Fields) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person, fields: &Fields| {
        let member = Member::of(visit, request, person).await?;
        run(visit, member, fields).await
    };
    account::done(request, payload, settings, purpose, run).await
}

/// Sends the browser to a page that says what was done.
fn say(path: &str, done: Done) -> HttpResponse {
    show::redirect(&format!("{path}?{}", done.query()))
}

/// An id in the path.
fn id<T>(request: &HttpRequest, name: &str) -> Result<Id<T>, Failure> {
    request.match_info().get(name).and_then(|id| id.parse().ok()).ok_or_else(unknown)
}

/// One thing that is wrong.
fn problem(field: &'static str, wrong: Wrong) -> Vec<Problem> {
    vec![Problem { field, wrong }]
}

/// The status of a page that says what is wrong: 409 when somebody else was faster.
fn status(problems: &[Problem]) -> u16 {
    let is_late = |problem: &Problem| matches!(problem.wrong, Wrong::Stale | Wrong::Overtaken);
    match problems.iter().any(is_late) {
        true => 409,
        false if problems.is_empty() => 200,
        false => 422,
    }
}

/// There is nothing here for this person.
fn unknown() -> Failure {
    Failure::Page(Fault::NotFound, "There is nothing of yours at this address.".to_owned())
}

/// The newest rows of a list, or those after the one that the query names, and one more to see whether there are more.
fn page_after(request: &HttpRequest, name: &str) -> Page {
    let query = Fields::parse(request.query_string()).ok();
    let after: Option<Id<()>> = query.and_then(|query| query.one(name).and_then(|id| id.parse().ok()));
    let beyond = after.map(|id| paylent_storage::Place { name: String::new(), id: *id.as_bytes() });
    let order = paylent_storage::Order { newest_first: true, ..Default::default() };
    Page { limit: ROWS + 1, beyond, order, ..Page::default() }
}

/// Cuts a list to what one page shows, and says where the rest is.
fn cut<T, U>(rows: &mut Vec<T>, path: &str, name: &str, id: impl Fn(&T) -> Id<U>) -> Option<String> {
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let is_cut = rows.len() > most;
    rows.truncate(most);
    rows.last().filter(|_| is_cut).map(|last| format!("{path}?{name}={}", id(last)))
}
