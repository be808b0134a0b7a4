//! `/account/email`: another address, which a link proves that is mailed there.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::user::Email;
use paylent_mail::About;
use paylent_storage::{Error, NewEmailChange, Person};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Tokens, by, done, is_done, letter, proves, say_done, shown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Fault, Name,
        account::{EmailPage, Problems, Section, Wrong},
    },
};

/// For how long the link is good, in minutes.
const MINUTES: u32 = 60;

/// `GET /account/email`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run =
        async |visit: &mut Visit, person: Person| page(visit, &person, "", Problems::new(), is_done(&request)).await;
    shown(&request, &settings, run).await
}

/// `POST /account/email`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Email, ask).await
}

async fn ask(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let typed = fields.one("email").unwrap_or_default().trim();
    let mut problems = Problems::new();
    let email = match typed.parse::<Email>() {
        // An address that was never proved can be proved.
        Ok(email) if email.key() == person.email.key() && person.email_verified => Err(Wrong::SameEmail),
        Ok(email) => Ok(email),
        Err(_) => Err(Wrong::Email),
    };
    if let Err(wrong) = email {
        problems.push(("email", wrong));
    }
    if !proves(visit, &person, fields.one("current_password").unwrap_or_default()).await? {
        problems.push(("current_password", Wrong::Password));
    }
    match email {
        Ok(email) if problems.is_empty() => send(visit, &person, email).await,
        _ => page(visit, &person, typed, problems, false).await,
    }
}

async fn send(visit: &Visit, person: &Person, email: Email) -> Result<HttpResponse, Failure> {
    let token = secret::generate(SecretKind::EmailChange)?;
    let link = visit.link(&format!("/account/email/confirm?token={}", token.expose()));
    let seconds = i64::from(MINUTES) * 60;
    let link = letter(visit, person, &email, About::EmailChange { link, minutes: MINUTES }, Some(seconds))?;
    let reset_link = visit.link("/password/forgot");
    let taken = letter(visit, person, &email, About::AlreadyRegistered { reset_link }, Some(seconds))?;
    let change = NewEmailChange {
        user_id: person.id,
        email,
        token_hash: SecretHash::of(token.expose()),
        expires_at: visit.now.plus_seconds(seconds),
    };
    match visit.env.request_email_change(change, link, taken, &by(visit, person)).await {
        Ok(()) => Ok(say_done(Section::Email)),
        Err(Error::TooMany { retry_after }) => {
            Err(Failure::Page(Fault::TooMany { retry_after }, "Too many mails within an hour.".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    visit: &Visit,
    person: &Person,
    typed: &str,
    problems: Problems,
    done: bool,
) -> Result<HttpResponse, Failure> {
    let tokens = Tokens::new(visit, Purpose::Email).await?;
    let status = if problems.is_empty() { 200 } else { 422 };
    let page = EmailPage {
        frame: visit.frame(),
        around: tokens.around(visit, Section::Email, done),
        form: visit.own_form("/account/email", &tokens.own),
        email: Name(person.email.as_str()),
        email_verified: person.email_verified,
        pending: person.pending_email.as_ref().map(|email| Name(email.as_str())),
        typed,
        problems,
    };
    Ok(show::page(status, &page))
}
