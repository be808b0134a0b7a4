//! `/account/delete`: the end of an account.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::user::Email;
use paylent_mail::About;
use paylent_storage::{Error, Person, Refusal};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Tokens, by, done, letter, proves, shown, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Name,
        account::{DeletionPage, Notice, NoticePage, Obstacle, Problems, Section, Wrong},
    },
};

/// `GET /account/delete`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| page(visit, 200, &person, "", None, Problems::new()).await;
    shown(&request, &settings, run).await
}

/// `POST /account/delete`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Deletion, delete).await
}

async fn delete(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let typed = fields.one("email").unwrap_or_default().trim();
    let mut problems = Problems::new();
    if typed.parse::<Email>().map(|email| email.key()).as_ref() != Ok(&person.email.key()) {
        problems.push(("email", Wrong::Confirmation));
    }
    if !proves(visit, &person, fields.one("current_password").unwrap_or_default()).await? {
        problems.push(("current_password", Wrong::Password));
    }
    if !problems.is_empty() {
        return page(visit, 422, &person, typed, None, problems).await;
    }
    let farewell = letter(visit, &person, &person.email, About::AccountDeleted, None)?;
    let obstacle = match visit.env.delete_person(person.id, farewell, &by(visit, &person)).await {
        Ok(true) => return Ok(goodbye(visit)),
        Ok(false) => return Err(unknown()),
        Err(Error::Refused(Refusal::LastAdmin)) => Obstacle::LastAdmin,
        Err(Error::Refused(Refusal::ActingClients)) => Obstacle::ActingClients,
        Err(error) => return Err(error.into()),
    };
    page(visit, 409, &person, typed, Some(obstacle), problems).await
}

fn goodbye(visit: &mut Visit) -> HttpResponse {
    visit.sign_out();
    show::page(200, &NoticePage { frame: visit.frame(), notice: Notice::Deleted })
}

async fn page(
    visit: &Visit,
    status: u16,
    person: &Person,
    typed: &str,
    obstacle: Option<Obstacle>,
    problems: Problems,
) -> Result<HttpResponse, Failure> {
    let tokens = Tokens::new(visit, Purpose::Deletion).await?;
    let page = DeletionPage {
        frame: visit.frame(),
        around: tokens.around(visit, Section::Deletion, false),
        form: visit.own_form("/account/delete", &tokens.own),
        email: Name(person.email.as_str()),
        typed,
        obstacle,
        problems,
    };
    Ok(show::page(status, &page))
}
