//! Registration: an address, a code that proves it, and a person. Front ends speak JSON, browsers send the forms of our
//! pages; the media type of the body tells which, and both do the same.

mod pages;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use paylent_crypto::{
    passcode,
    secret::{self, Secret, SecretHash, SecretKind, random_bytes},
};
use paylent_domain::{
    Id,
    registration::{Newcomer, PASSCODE_TTL, Passcode, Registration, TOKEN_TTL},
    user::{Email, PasswordHash},
};
use paylent_mail::About;
use paylent_oauth::Error;
use paylent_storage::{Error as StorageError, Guess, NewRegistration, Refusal, Registered};
use serde_json::json;

use super::{
    Visit,
    fault::Failure,
    introduction::{Faults, Introduction},
    json::{self, Refused, refuse},
    respond_to_form,
    visit::Fields,
};
use crate::{Settings, is_json};
pub(super) use pages::{code_page, email_page, link};

/// Why a step is not done.
enum Problem {
    /// These fields break these rules.
    Fields(Faults),
    /// The code, or the registration, is not good or not good any more.
    Unknown,
    /// Nobody can register here.
    Closed,
    /// The address has an account by now.
    Taken,
    /// When it can be tried again, in seconds.
    TooMany { retry_after: u32 },
    /// There is no room for another password to be hashed.
    Busy,
    /// The request has its answer.
    Failed(Failure),
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Refused(Refusal::RegistrationClosed) => Self::Closed,
            StorageError::TooMany { retry_after } => Self::TooMany { retry_after },
            StorageError::Conflict => Self::Taken,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<paylent_crypto::Error> for Problem {
    fn from(error: paylent_crypto::Error) -> Self {
        match error {
            paylent_crypto::Error::Busy => Self::Busy,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Somebody who wants to register.
struct Applicant<'a> {
    visit: &'a Visit,
    /// Tells the browser from others. Programs have none, so that a code can be given back only the way it was asked for.
    browser: &'a str,
}

impl Applicant<'_> {
    /// Has a mail sent to an address, known or not, and gives the id of the registration.
    async fn begin(&self, email: &str) -> Result<Secret, Problem> {
        let visit = self.visit;
        let email: Email = email.parse().map_err(|rule| Problem::Fields(vec![("email", rule)]))?;
        let (id, code) = (secret::generate(SecretKind::Registration)?, passcode::generate()?);
        let minutes = u32::try_from(PASSCODE_TTL / 60).unwrap_or_default();
        let good_until = Some(visit.now.plus_seconds(PASSCODE_TTL));
        // Both mails, since only the unit of work knows which of them goes out.
        let passcode = About::Passcode { passcode: code.expose().to_owned(), minutes };
        let known = About::AlreadyRegistered { reset_link: visit.reset_link() };
        let new = NewRegistration {
            id: SecretHash::of(id.expose()),
            passcode: self.hash(id.expose(), code.expose()),
            code: visit.seal(&email, None, passcode, good_until)?,
            notice: visit.seal(&email, None, known, good_until)?,
            registration: Registration::begun(email, Some(visit.language)),
            ip: Some(visit.origin.ip),
        };
        visit.env.begin_registration(new, visit.now).await?;
        Ok(id)
    }

    /// Gives a code back, and gets the token to complete the registration with.
    async fn verify(&self, id: &str, passcode: &str) -> Result<Secret, Problem> {
        let passcode: Passcode = passcode.parse().map_err(|rule| Problem::Fields(vec![("passcode", rule)]))?;
        if SecretKind::of(id) != Some(SecretKind::Registration) {
            return Err(Problem::Unknown);
        }
        let token = secret::generate(SecretKind::RegistrationToken)?;
        let (id_hash, token_hash) = (SecretHash::of(id), SecretHash::of(token.expose()));
        let mac = self.hash(id, passcode.as_str());
        match self.visit.env.try_passcode(&id_hash, mac, &token_hash, self.visit.now).await? {
            Guess::Right => Ok(token),
            Guess::Wrong => Err(Problem::Unknown),
            Guess::TooMany { retry_after } => Err(Problem::TooMany { retry_after }),
        }
    }

    /// Makes the account, and a session of this token if there is one.
    async fn complete(
        &self,
        token: &str,
        who: Introduction<'_>,
        session: Option<&Secret>,
    ) -> Result<Registered, Problem> {
        let visit = self.visit;
        if SecretKind::of(token) != Some(SecretKind::RegistrationToken) {
            return Err(Problem::Unknown);
        }
        let token = SecretHash::of(token);
        // Before the password is hashed, which costs much.
        let proved = visit.env.proved_registration(&token, visit.now).await?;
        let (registration, minimum) = proved.ok_or(Problem::Unknown)?;
        let tenant = visit.env.tenant();
        who.check(tenant, visit.shortest_password(minimum), registration.email().as_str()).map_err(Problem::Fields)?;
        let password = PasswordHash(visit.settings.passwords.hash(who.password).await?);
        let newcomer = Newcomer {
            id: Id::new(visit.now, random_bytes()?),
            first_name: who.first_name.to_owned(),
            last_name: who.last_name.to_owned(),
            password,
        };
        let session = session.map(|token| visit.new_session(newcomer.id, token)).transpose()?;
        let registered = visit.env.complete_registration(&token, newcomer, session, &visit.unnamed()).await?;
        registered.ok_or(Problem::Unknown)
    }

    /// What is stored of a code: it is good in this environment, registration and browser.
    fn hash(&self, id: &str, passcode: &str) -> SecretHash {
        let environment = self.visit.env.tenant().environment.id;
        let parts = [environment.as_bytes(), id.as_bytes(), self.browser.as_bytes()];
        self.visit.settings.passcodes.hash(&parts, passcode)
    }
}

impl Visit {
    /// A front end that registers somebody: what it may do follows from what it sends.
    const fn front_end(&self) -> Applicant<'_> {
        Applicant { visit: self, browser: "" }
    }
}

/// `POST /register`
pub(super) async fn begin(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    if !is_json(request.headers()) {
        return respond_to_form(&request, payload, &settings, pages::begin).await;
    }
    let run = async |visit: &mut Visit, given: &Fields| {
        let id = visit.front_end().begin(given.one("email").unwrap_or_default()).await?;
        let begun = json!({"registration_id": id.expose(), "expires_in": PASSCODE_TTL});
        Ok::<_, Problem>(json::reply(StatusCode::ACCEPTED, &begun))
    };
    json::respond(&request, payload, &settings, run).await
}

/// `POST /register/verify`
pub(super) async fn verify(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    if !is_json(request.headers()) {
        return respond_to_form(&request, payload, &settings, pages::verify).await;
    }
    let run = async |visit: &mut Visit, given: &Fields| {
        let field = |name| given.one(name).unwrap_or_default();
        let token = visit.front_end().verify(field("registration_id"), field("passcode")).await?;
        let proved = json!({"registration_token": token.expose(), "expires_in": TOKEN_TTL});
        Ok::<_, Problem>(json::reply(StatusCode::OK, &proved))
    };
    json::respond(&request, payload, &settings, run).await
}

/// `POST /register/complete`
pub(super) async fn complete(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    if !is_json(request.headers()) {
        return respond_to_form(&request, payload, &settings, pages::complete).await;
    }
    let run = async |visit: &mut Visit, given: &Fields| {
        let token = given.one("registration_token").unwrap_or_default();
        let registered = visit.front_end().complete(token, Introduction::of(given), None).await?;
        Ok::<_, Problem>(json::reply(StatusCode::CREATED, &json!({"id": registered.user.id.to_string()})))
    };
    json::respond(&request, payload, &settings, run).await
}

impl Refused for Problem {
    fn told(self) -> HttpResponse {
        match self {
            Self::Fields(faults) => json::unfit(&faults),
            Self::Unknown => {
                refuse(400, "invalid_registration", "The code or the registration is not right, or not good any more.")
            }
            Self::Closed => refuse(403, "registration_disabled", "Nobody can register here."),
            Self::Taken => refuse(409, "invalid_registration", "The registration cannot be completed."),
            Self::TooMany { retry_after } => {
                json::later(429, "too_many_requests", "Too many attempts. Try again later.", retry_after)
            }
            Self::Busy => json::busy(),
            Self::Failed(failure) => failure.told(),
        }
    }
}

impl From<Problem> for Failure {
    /// What is left when a page has nothing better to say.
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Failed(failure) => failure,
            Problem::Busy => Self::Failed(Error::unavailable("no room to hash a password")),
            _ => Self::malformed("The registration cannot go on."),
        }
    }
}
