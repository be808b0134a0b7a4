//! `/organizations/{id}/connections/{connection}`: less for an application, or nothing more. [`super::own`] shows the same
//! to somebody who connected an application for themself alone.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::{application::Connection, audit::Context, scope::Scopes};
use paylent_storage::{Error, Refusal};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Member,
    changes::{expected, version},
    done, granted, id, problem, say, shown, status, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::connections::{ConnectionPage, Done, Place, Problem, Wrong},
};

/// A connection, and whoever may change it.
pub(super) struct OpenedConnection<'a> {
    pub(super) visit: &'a Visit,
    pub(super) connection: Connection,
    /// What surrounds the page.
    pub(super) place: Place<'a>,
    /// The person, as the audit trail tells it.
    pub(super) by: Context,
    /// Where the browser goes when nothing is connected any more.
    pub(super) onward: &'a str,
}

/// `GET /organizations/{id}/connections/{connection}`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member| {
        let (connection, onward) = (find(visit, &member, &request).await?, onward(&member));
        OpenedConnection::at(visit, &member, connection, &onward).page(None, Vec::new()).await
    };
    shown(&request, &settings, run).await
}

/// `POST /organizations/{id}/connections/{connection}`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member, fields: &Fields| {
        let (connection, onward) = (find(visit, &member, &request).await?, onward(&member));
        OpenedConnection::at(visit, &member, connection, &onward).change(fields).await
    };
    done(&request, payload, &settings, Purpose::Connection, run).await
}

/// The connection that the path names: one of this organization, and the person's own unless they are a company-wide
/// admin.
async fn find(visit: &Visit, member: &Member, request: &HttpRequest) -> Result<Connection, Failure> {
    let connection = visit.env.application_connection(id(request, "connection")?).await?.ok_or_else(unknown)?;
    let is_here = connection.organization_id == Some(member.organization);
    let is_theirs = member.is_admin() || connection.user_id == Some(member.person.id);
    if is_here && is_theirs { Ok(connection) } else { Err(unknown()) }
}

/// The organization's connections, which say what was done.
fn onward(member: &Member) -> String {
    format!("{}?{}", member.path, Done::Disconnected.query())
}

impl<'a> OpenedConnection<'a> {
    fn at(visit: &'a Visit, member: &'a Member, connection: Connection, onward: &'a str) -> Self {
        Self { visit, connection, place: member.place(visit), by: member.by(visit), onward }
    }

    /// Does what the form asks for.
    pub(super) async fn change(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        match fields.one("action") {
            Some("disconnect") => self.disconnect(fields).await,
            None | Some("save") => self.narrow(fields).await,
            _ => Err(Failure::malformed("The action cannot be read.")),
        }
    }

    async fn disconnect(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        match self.visit.env.disconnect(self.connection.id, &expected(fields), &self.by).await {
            Ok(true) => Ok(show::redirect(self.onward)),
            Ok(false) => Err(unknown()),
            Err(Error::Refused(Refusal::Stale)) => self.page(None, problem("disconnect", Wrong::Overtaken)).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what is still ticked, and what the application may know of the person.
    async fn narrow(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        let (env, id) = (&self.visit.env, self.connection.id);
        let ticked: Scopes = fields.all("permission").map(str::to_owned).collect();
        let kept = self.connection.permissions.iter().filter(|name| ticked.contains(name)).map(str::to_owned).collect();
        match env.narrow_connection(id, kept, &expected(fields), &self.by).await {
            Ok(Some(_)) => Ok(say(&format!("{}/{id}", self.place.path), Done::Saved)),
            Ok(None) => Err(unknown()),
            Err(Error::Refused(Refusal::NothingLeft)) => {
                self.page(Some(ticked), problem("permissions", Wrong::NoPermission)).await
            }
            Err(Error::Refused(_)) => self.page(None, problem("permissions", Wrong::Overtaken)).await,
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn page(
        self,
        ticked: Option<Scopes>,
        mut problems: Vec<Problem>,
    ) -> Result<HttpResponse, Failure> {
        let Self { visit, connection, place, .. } = self;
        let (csrf, version) = (visit.csrf(Purpose::Connection), version(connection.updated_at));
        let ticked = ticked.unwrap_or_else(|| connection.permissions.clone());
        let granted = granted::in_words(visit, place.path, vec![connection]).await?.pop().ok_or_else(unknown)?;
        // Where there is nothing to tick, the other form is what the problem leads to.
        for problem in problems.iter_mut().filter(|_| granted.permissions.is_empty()) {
            problem.field = "disconnect";
        }
        let page = ConnectionPage {
            frame: visit.frame(),
            place,
            form: visit.own_form(&granted.path, &csrf),
            version: &version,
            granted: &granted,
            ticked: &ticked.iter().collect::<Vec<_>>(),
            problems: &problems,
        };
        Ok(show::page(status(&problems), &page))
    }
}
