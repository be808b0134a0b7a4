//! `/account`: name and language.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_domain::{Invalid, language::Language, text::one_line, user::MAX_NAME};
use paylent_storage::{Person, Profile};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Tokens, by, done, is_done, say_done, shown, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Name,
        account::{Problems, ProfilePage, Section, Wrong},
    },
};

/// `GET /account`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| {
        let said = Profile {
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            language: person.language,
        };
        page(visit, &person, &said, Problems::new(), is_done(&request)).await
    };
    shown(&request, &settings, run).await
}

/// `POST /account`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Profile, save).await
}

async fn save(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let mut problems = Problems::new();
    let mut name = |field: &'static str| {
        let (name, sound) = name(fields.one(field).unwrap_or_default());
        if sound.is_err() {
            problems.push((field, Wrong::Name));
        }
        name
    };
    let (first_name, last_name) = (name("first_name"), name("last_name"));
    let language = fields.one("language").unwrap_or_default();
    let chosen = Language::ALL.into_iter().find(|known| known.tag() == language);
    if chosen.is_none() && !language.is_empty() {
        problems.push(("language", Wrong::Language));
    }
    let said = Profile { first_name, last_name, language: chosen };
    if !problems.is_empty() {
        return page(visit, &person, &said, problems, false).await;
    }
    match visit.env.save_profile(person.id, said, &by(visit, &person)).await? {
        true => Ok(say_done(Section::Profile)),
        false => Err(unknown()),
    }
}

/// A name as it is kept, and whether it may be one. Nobody needs to have one.
fn name(typed: &str) -> (Option<String>, Result<(), Invalid>) {
    match typed.trim() {
        "" => (None, Ok(())),
        name => (Some(name.to_owned()), one_line(name, MAX_NAME)),
    }
}

async fn page(
    visit: &Visit,
    person: &Person,
    said: &Profile,
    problems: Problems,
    done: bool,
) -> Result<HttpResponse, Failure> {
    let tokens = Tokens::new(visit, Purpose::Profile).await?;
    let status = if problems.is_empty() { 200 } else { 422 };
    let page = ProfilePage {
        frame: visit.frame(),
        around: tokens.around(visit, Section::Profile, done),
        form: visit.own_form("/account", &tokens.own),
        first_name: said.first_name.as_deref().unwrap_or_default(),
        last_name: said.last_name.as_deref().unwrap_or_default(),
        chosen: said.language,
        email: Name(person.email.as_str()),
        email_verified: person.email_verified,
        problems,
    };
    Ok(show::page(status, &page))
}
