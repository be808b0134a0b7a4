//! `/account/applications`: what applications may do, and the end of it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_storage::{ConnectedApplication, Person};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Tokens, by, done, is_done, say_done, shown, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        AskedScope, Name,
        account::{Application, ApplicationsPage, Moment, Section},
    },
};

/// `GET /account/applications`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| {
        let connections = visit.env.connected_applications(person.id, visit.now).await?;
        let applications: Vec<Application<'_>> = connections.iter().map(application).collect();
        let tokens = Tokens::new(visit, Purpose::Applications).await?;
        let page = ApplicationsPage {
            frame: visit.frame(),
            around: tokens.around(visit, Section::Applications, is_done(&request)),
            form: visit.own_form("/account/applications", &tokens.own),
            applications: &applications,
        };
        Ok(show::page(200, &page))
    };
    shown(&request, &settings, run).await
}

/// `POST /account/applications`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Applications, withdraw).await
}

async fn withdraw(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let client_id = fields.one("client_id").unwrap_or_default();
    match visit.env.withdraw_consent(person.id, client_id, &by(visit, &person)).await? {
        true => Ok(say_done(Section::Applications)),
        false => Err(unknown()),
    }
}

fn application(connection: &ConnectedApplication) -> Application<'_> {
    let scopes = connection.scopes.iter().map(|scope| AskedScope {
        name: &scope.name,
        description: scope.description.as_deref(),
        optional: false,
        new: false,
    });
    Application {
        client_id: &connection.client_id,
        name: Name(&connection.name),
        since: Moment(connection.since),
        scopes: scopes.collect(),
        connection: connection.own.map(|id| format!("/account/applications/{id}")),
    }
}
