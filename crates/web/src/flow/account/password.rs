//! `/account/password`: another password.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::user::{PasswordHash, check_password};
use paylent_mail::About;
use paylent_storage::{Person, Renewal};

use super::{
    super::{Visit, choice, fault::Failure, show, visit::Fields},
    Tokens, by, done, is_done, letter, proves, say_done, shown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Fault,
        account::{PasswordPage, Problems, Section, Wrong},
    },
};

/// `GET /account/password`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| page(visit, &person, Problems::new(), is_done(&request)).await;
    shown(&request, &settings, run).await
}

/// `POST /account/password`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Password, change).await
}

async fn change(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let typed = |field| fields.one(field).unwrap_or_default();
    let password = typed("password");
    let mut problems = Problems::new();
    if !proves(visit, &person, typed("current_password")).await? {
        problems.push(("current_password", Wrong::Password));
    }
    let (tenant, least) = (visit.env.tenant(), visit.shortest_password(person.password_minimum));
    let names = [person.first_name.as_deref(), person.last_name.as_deref()];
    if password.chars().count() < least {
        problems.push(("password", Wrong::ShortPassword));
    } else if check_password(password, least).is_err() {
        problems.push(("password", Wrong::UnfitPassword));
    } else if choice::check(tenant, password, least, person.email.as_str(), names).is_err() {
        problems.push(("password", Wrong::GuessablePassword));
    } else if typed("password_confirmation") != password {
        problems.push(("password_confirmation", Wrong::OtherPassword));
    }
    match problems.is_empty() {
        true => replace(visit, &person, password).await,
        false => page(visit, &person, problems, false).await,
    }
}

async fn replace(visit: &mut Visit, person: &Person, password: &str) -> Result<HttpResponse, Failure> {
    let gone = || Failure::Page(Fault::Expired, "The session ended meanwhile.".to_owned());
    let (session, old) = visit.open_session().map(|(session, old)| (session.id, old)).ok_or_else(gone)?;
    let hash = PasswordHash(visit.settings.passwords.hash(password).await?);
    let token = secret::generate(SecretKind::Session)?;
    let renewal = Renewal { user_id: person.id, old, new: SecretHash::of(token.expose()) };
    let about = About::PasswordChanged { reset_link: visit.link("/password/forgot") };
    let letter = letter(visit, person, &person.email, about, None)?;
    let renewed = visit.env.change_password(session, renewal, hash, letter, &by(visit, person)).await?;
    visit.sign_in(token.expose(), renewed.ok_or_else(gone)?.expires_at).await?;
    Ok(say_done(Section::Password))
}

async fn page(visit: &Visit, person: &Person, problems: Problems, done: bool) -> Result<HttpResponse, Failure> {
    let tokens = Tokens::new(visit, Purpose::Password).await?;
    let status = if problems.is_empty() { 200 } else { 422 };
    let page = PasswordPage {
        frame: visit.frame(),
        around: tokens.around(visit, Section::Password, done),
        form: visit.own_form("/account/password", &tokens.own),
        email: person.email.as_str(),
        minimum: visit.shortest_password(person.password_minimum),
        problems,
    };
    Ok(show::page(status, &page))
}
