//! `/organizations/{id}/applications/{application}/delete`: the end of an application, asked for once more.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::application::Application;
use paylent_storage::{Error, Refusal};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Member,
    changes::{expected, version},
    done, problem, say,
    showing::{connections, static_tokens},
    shown, status, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::connections::{DeletionPage, Done, Problem, Wrong},
};

/// `GET /organizations/{id}/applications/{application}/delete`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member| {
        let application = member.application(visit, &request).await?;
        page(visit, &member, &application, &[]).await
    };
    shown(&request, &settings, run).await
}

/// `POST /organizations/{id}/applications/{application}/delete`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member, fields: &Fields| {
        let application = member.application(visit, &request).await?;
        if fields.one("name").map(str::trim) != Some(application.name.as_str()) {
            return page(visit, &member, &application, &[Problem { field: "name", wrong: Wrong::OtherName }]).await;
        }
        match visit.env.delete_application(application.id, &expected(fields), &member.by(visit)).await {
            Ok(true) => Ok(say(&member.path, Done::Deleted)),
            Ok(false) => Err(unknown()),
            Err(Error::Refused(Refusal::Stale)) => {
                page(visit, &member, &application, &problem("settings", Wrong::Overtaken)).await
            }
            Err(error) => Err(error.into()),
        }
    };
    done(&request, payload, &settings, Purpose::ApplicationDeletion, run).await
}

async fn page(
    visit: &Visit,
    member: &Member,
    application: &Application,
    problems: &[Problem],
) -> Result<HttpResponse, Failure> {
    let (connections, tokens) =
        (connections(visit, application.id).await?, static_tokens(visit, application.id).await?);
    let (csrf, back) = (visit.csrf(Purpose::ApplicationDeletion), member.path_of(application.id));
    let action = format!("{back}/delete");
    let page = DeletionPage {
        frame: visit.frame(),
        place: member.place(visit),
        form: visit.own_form(&action, &csrf),
        version: &version(application.updated_at),
        name: &application.name,
        connections,
        tokens,
        back: &back,
        problems,
    };
    Ok(show::page(status(problems), &page))
}
