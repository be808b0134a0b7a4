//! The account pages: what a person who is signed in sees and changes of the own account.

pub(super) mod applications;
pub(super) mod confirm_email;
pub(super) mod data;
pub(super) mod deletion;
pub(super) mod email;
pub(super) mod organizations;
pub(super) mod password;
pub(super) mod profile;
pub(super) mod sessions;

use actix_web::{HttpRequest, HttpResponse, web::Payload};
use paylent_domain::{Id, audit::Context, mail::NewMail, user::Email};
use paylent_mail::About;
use paylent_oauth::{LogoutStep, Parameters};
use paylent_storage::Person;

use super::{
    Visit,
    fault::Failure,
    prove::{place, prove},
    respond, respond_to_form, show,
    visit::Fields,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Fault,
        account::{Around, Section},
    },
};

/// Shows a page to the person who is signed in. Anybody else is asked to sign in first, and comes back.
pub(super) async fn shown(
    request: &HttpRequest,
    settings: &Settings,
    run: impl AsyncFnOnce(&mut Visit, Person) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let run = async |visit: &mut Visit| match person(visit).await? {
        Some(person) => run(visit, person).await,
        None => Ok(sign_in_first(request)),
    };
    respond(request, settings, run).await
}

/// Does what the person who is signed in asks for with the form of a page.
pub(super) async fn done(
    request: &HttpRequest,
    payload: Payload,
    settings: &Settings,
    purpose: Purpose,
    run: impl AsyncFnOnce(&mut Visit, Person, &Fields) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let run = async |visit: &mut Visit, fields: &Fields| {
        visit.check(purpose, fields)?;
        match person(visit).await? {
            Some(person) => run(visit, person, fields).await,
            None => Ok(sign_in_first(request)),
        }
    };
    respond_to_form(request, payload, settings, run).await
}

async fn person(visit: &Visit) -> Result<Option<Person>, Failure> {
    match &visit.session {
        Some(session) => Ok(visit.env.person(session.user_id, visit.now).await?),
        None => Ok(None),
    }
}

/// A file is not what one wants to come back to: it would look as if nothing happened.
fn sign_in_first(request: &HttpRequest) -> HttpResponse {
    let path = request.path().trim_end_matches(".json");
    show::redirect(&format!("/login?return_to={path}"))
}

/// The tokens of the forms on an account page.
struct Tokens {
    own: String,
    sign_out: String,
    handle: String,
}

impl Tokens {
    /// For a page whose own form is for this.
    async fn new(visit: &Visit, purpose: Purpose) -> Result<Self, Failure> {
        let handle = match visit.engine().logout(&Parameters::default(), &visit.browser()).await? {
            LogoutStep::Confirm { handle, .. } => handle,
            LogoutStep::Done(_) => return Err(Failure::Page(Fault::Expired, "Nobody is signed in.".to_owned())),
        };
        Ok(Self { own: visit.csrf(purpose), sign_out: visit.csrf(Purpose::SignOut), handle })
    }

    /// What surrounds the page.
    fn around<'a>(&'a self, visit: &Visit, section: Section, done: bool) -> Around<'a> {
        Around { section, sign_out: visit.form("/logout", &self.sign_out, &self.handle), done }
    }
}

/// Whether the page is shown after what it is for was done.
fn is_done(request: &HttpRequest) -> bool {
    request.query_string() == "done"
}

/// Sends the browser to the page that says that it is done.
fn say_done(section: Section) -> HttpResponse {
    show::redirect(&format!("{}?done", section.path()))
}

/// This person at this browser.
pub(super) fn by(visit: &Visit, person: &Person) -> Context {
    visit.context(person.id, person.email.as_str())
}

/// Whether this is the password of the person, who has to prove once more who they are.
async fn proves(visit: &Visit, person: &Person, password: &str) -> Result<bool, Failure> {
    if paylent_domain::user::check_password(password, 1).is_err() {
        return Ok(false);
    }
    match prove(visit, place(visit)?, person.email.as_str(), password).await? {
        Some(proved) if proved.user_id == person.id => {
            visit.env.forget_attempts(person.id, &proved.right.attempt, visit.now).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// A letter to a person, in their language or else the page's.
fn letter(visit: &Visit, person: &Person, to: &Email, about: About, seconds: Option<i64>) -> Result<NewMail, Failure> {
    visit.seal(to, person.language, about, seconds.map(|seconds| visit.now.plus_seconds(seconds)))
}

impl Visit {
    /// The address of a page of ours, as a link in a mail.
    fn link(&self, path: &str) -> String {
        format!("{}{path}", self.env.tenant().base_url)
    }
}

/// The id that a button of a page stands for.
fn chosen<T>(fields: &Fields, name: &str) -> Result<Id<T>, Failure> {
    let id = fields.one(name).and_then(|id| id.parse().ok());
    id.ok_or_else(|| Failure::malformed("The choice cannot be read."))
}

/// Nothing of this person's has the id that was asked for.
fn unknown() -> Failure {
    Failure::Page(Fault::NotFound, "There is nothing of yours with this id.".to_owned())
}
