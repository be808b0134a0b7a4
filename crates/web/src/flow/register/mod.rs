//! Registration: an address, a code that proves it, and a person. Front ends speak JSON, browsers send the forms of our
//! pages; the media type of the body tells which, and both do the same.

mod json;
mod pages;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::{
    passcode,
    secret::{self, Secret, SecretHash, SecretKind, random_bytes},
};
use paylent_domain::{
    Id, Invalid, Timestamp,
    audit::Context,
    language::Language,
    mail::NewMail,
    network::Origin,
    registration::{Newcomer, PASSCODE_TTL, Passcode, Registration},
    text::one_line,
    user::{Email, MAX_NAME, PasswordHash},
};
use paylent_mail::About;
use paylent_oauth::Error;
use paylent_storage::{Env, Error as StorageError, Guess, NewRegistration, NewSession, Refusal, Registered};

use super::{choice, fault::Failure, letters};
use crate::{Settings, is_json};
pub(super) use pages::{code_page, email_page, link};

/// Where somebody gets a new password who registers with an address that has an account.
const FORGOTTEN: &str = "/password/forgot";

/// The longest `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 400;

/// Why a step is not done.
enum Problem {
    /// These fields break these rules.
    Fields(Vec<(&'static str, Invalid)>),
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
    Failed(Error),
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Refused(Refusal::RegistrationClosed) => Self::Closed,
            StorageError::TooMany { retry_after } => Self::TooMany { retry_after },
            StorageError::Conflict => Self::Taken,
            error => Self::Failed(Error::unavailable(error)),
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

impl From<paylent_mail::Error> for Problem {
    fn from(error: paylent_mail::Error) -> Self {
        Self::Failed(Error::unavailable(error))
    }
}

/// Somebody who wants to register, and what it takes.
struct Applicant<'a> {
    env: &'a Env,
    settings: &'a Settings,
    origin: &'a Origin,
    now: Timestamp,
    language: Language,
    /// Tells the browser from others. Programs have none, so that a code can be given back only the way it was asked for.
    browser: &'a str,
}

/// What is told to complete a registration.
struct Told<'a> {
    registration_token: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    password: &'a str,
    password_confirmation: &'a str,
}

impl Applicant<'_> {
    /// Has a mail sent to an address, known or not, and gives the id of the registration.
    async fn begin(&self, email: &str) -> Result<Secret, Problem> {
        let email: Email = email.parse().map_err(|rule| Problem::Fields(vec![("email", rule)]))?;
        let (id, code) = (secret::generate(SecretKind::Registration)?, passcode::generate()?);
        let minutes = u32::try_from(PASSCODE_TTL / 60).unwrap_or_default();
        let good_until = self.now.plus_seconds(PASSCODE_TTL);
        let reset_link = format!("{}{FORGOTTEN}", self.env.tenant().base_url);
        // Both mails, since only the unit of work knows which of them goes out.
        let passcode = About::Passcode { passcode: code.expose().to_owned(), minutes };
        let new = NewRegistration {
            id: SecretHash::of(id.expose()),
            passcode: self.hash(id.expose(), code.expose()),
            code: self.seal(&email, passcode, good_until)?,
            notice: self.seal(&email, About::AlreadyRegistered { reset_link }, good_until)?,
            registration: Registration::begun(email, Some(self.language)),
            ip: Some(self.origin.ip),
        };
        self.env.begin_registration(new, self.now).await?;
        Ok(id)
    }

    /// Gives a code back, and gets the token to complete the registration with.
    async fn verify(&self, id: &str, passcode: &str) -> Result<Secret, Problem> {
        let passcode: Passcode = passcode.parse().map_err(|rule| Problem::Fields(vec![("passcode", rule)]))?;
        if SecretKind::of(id) != Some(SecretKind::Registration) {
            return Err(Problem::Unknown);
        }
        let token = secret::generate(SecretKind::RegistrationToken)?;
        let hash = self.hash(id, passcode.as_str());
        match self.env.try_passcode(&SecretHash::of(id), hash, &SecretHash::of(token.expose()), self.now).await? {
            Guess::Right => Ok(token),
            Guess::Wrong => Err(Problem::Unknown),
            Guess::TooMany { retry_after } => Err(Problem::TooMany { retry_after }),
        }
    }

    /// Makes the account, and a session of this token if there is one.
    async fn complete(&self, told: &Told<'_>, session: Option<&Secret>) -> Result<Registered, Problem> {
        if SecretKind::of(told.registration_token) != Some(SecretKind::RegistrationToken) {
            return Err(Problem::Unknown);
        }
        let token = SecretHash::of(told.registration_token);
        // Before the password is hashed, which costs much.
        let proved = self.env.proved_registration(&token, self.now).await?;
        let (registration, minimum) = proved.ok_or(Problem::Unknown)?;
        let names = [Some(told.first_name), Some(told.last_name)];
        let email = registration.email().as_str();
        let chosen = choice::check(self.env.tenant(), told.password, minimum, email, names);
        let faults = faults(told, chosen);
        if !faults.is_empty() {
            return Err(Problem::Fields(faults));
        }
        let password = PasswordHash(self.settings.passwords.hash(told.password).await?);
        let newcomer = Newcomer {
            id: Id::new(self.now, random_bytes()?),
            first_name: told.first_name.to_owned(),
            last_name: told.last_name.to_owned(),
            password,
        };
        let user_agent = self.origin.user_agent.as_ref();
        let user_agent = user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect::<String>());
        let session = match session {
            Some(token) => Some(NewSession {
                id: Id::new(self.now, random_bytes()?),
                user_id: newcomer.id,
                token_hash: SecretHash::of(token.expose()),
                ip: Some(self.origin.ip),
                user_agent: user_agent.clone(),
            }),
            None => None,
        };
        let by = Context { ip: Some(self.origin.ip), user_agent, ..Context::system(self.now) };
        let registered = self.env.complete_registration(&token, newcomer, session, &by).await?;
        registered.ok_or(Problem::Unknown)
    }

    /// What is stored of a code: it is good in this environment, registration and browser.
    fn hash(&self, id: &str, passcode: &str) -> SecretHash {
        let environment = self.env.tenant().environment.id;
        self.settings.passcodes.hash(&[environment.as_bytes(), id.as_bytes(), self.browser.as_bytes()], passcode)
    }

    fn seal(&self, to: &Email, about: About, good_until: Timestamp) -> Result<NewMail, paylent_mail::Error> {
        letters::seal(self.env, self.settings, to, self.language, about, self.now, Some(good_until))
    }
}

/// The rules that are broken by what was told.
fn faults(told: &Told<'_>, password: Result<(), Invalid>) -> Vec<(&'static str, Invalid)> {
    let same = match told.password == told.password_confirmation {
        true => Ok(()),
        false => Err(Invalid("is not the same as password")),
    };
    let checked = [
        ("first_name", one_line(told.first_name, MAX_NAME)),
        ("last_name", one_line(told.last_name, MAX_NAME)),
        ("password", password),
        ("password_confirmation", same),
    ];
    checked.into_iter().filter_map(|(field, rule)| Some((field, rule.err()?))).collect()
}

/// `POST /register`
pub(super) async fn begin(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    match is_json(request.headers()) {
        true => json::begin(&request, payload, &settings).await,
        false => pages::begin(&request, payload, &settings).await,
    }
}

/// `POST /register/verify`
pub(super) async fn verify(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    match is_json(request.headers()) {
        true => json::verify(&request, payload, &settings).await,
        false => pages::verify(&request, payload, &settings).await,
    }
}

/// `POST /register/complete`
pub(super) async fn complete(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    match is_json(request.headers()) {
        true => json::complete(&request, payload, &settings).await,
        false => pages::complete(&request, payload, &settings).await,
    }
}

impl From<Problem> for Failure {
    /// What is left when a page has nothing better to say.
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Failed(error) => Self::Failed(error),
            _ => Self::malformed("The registration cannot go on."),
        }
    }
}
