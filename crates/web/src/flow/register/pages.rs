//! Registration for people. What is known travels in the pages: the id of the registration, later its token, and the
//! handle of the authorization request that the person came from and goes back to.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderValue, RETRY_AFTER},
    web::Data,
};
use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind};

use super::{
    super::{Visit, fault::Failure, respond, show, visit::Fields},
    Applicant, Faults, Introduction, Problem,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{Href, RegisterClosed, RegisterCode, RegisterEmail, RegisterPerson, RegisterProblem, Welcome},
};

/// `GET /register`: asks for the address.
pub(in super::super) async fn email_page(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        match visit.env.settings().await?.registration_enabled {
            true => Ok(ask_email(visit, 200, &fields, None)),
            false => Ok(closed(visit)),
        }
    };
    respond(&request, &settings, run).await
}

/// `GET /register/verify?registration_id=…`: asks for the code. The id alone opens nothing.
pub(in super::super) async fn code_page(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| ask_code(visit, 200, &Fields::parse(request.query_string())?, None).await;
    respond(&request, &settings, run).await
}

pub(super) async fn begin(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    if visit.check(Purpose::Register, fields).is_err() {
        return Ok(ask_email(visit, 403, fields, Some(RegisterProblem::Stale)));
    }
    match visit.applicant().begin(fields.one("email").unwrap_or_default().trim()).await {
        Ok(id) => Ok(show::redirect(&to_code(visit, &id, fields))),
        Err(Problem::Fields(_)) => Ok(ask_email(visit, 422, fields, Some(RegisterProblem::Fields))),
        Err(Problem::Closed) => Ok(closed(visit)),
        Err(Problem::TooMany { retry_after }) => {
            let problem = RegisterProblem::TooMany { retry_after };
            Ok(later(ask_email(visit, 429, fields, Some(problem)), retry_after))
        }
        Err(problem) => Err(problem.into()),
    }
}

pub(super) async fn verify(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    if visit.check(Purpose::Register, fields).is_err() {
        return ask_code(visit, 403, fields, Some(RegisterProblem::Stale)).await;
    }
    let field = |name| fields.one(name).unwrap_or_default();
    match visit.applicant().verify(field("registration_id"), field("passcode")).await {
        Ok(token) => ask_person(visit, 200, token.expose(), fields, None).await,
        Err(Problem::Fields(_)) => ask_code(visit, 422, fields, Some(RegisterProblem::Fields)).await,
        Err(Problem::Unknown) => ask_code(visit, 400, fields, Some(RegisterProblem::WrongCode)).await,
        Err(Problem::Closed) => Ok(closed(visit)),
        Err(Problem::TooMany { retry_after }) => {
            let problem = RegisterProblem::TooMany { retry_after };
            Ok(later(ask_code(visit, 429, fields, Some(problem)).await?, retry_after))
        }
        Err(problem) => Err(problem.into()),
    }
}

pub(super) async fn complete(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    let token = fields.one("registration_token").unwrap_or_default();
    let none = Faults::new();
    if visit.check(Purpose::Register, fields).is_err() {
        return ask_person(visit, 403, token, fields, Some((RegisterProblem::Stale, none))).await;
    }
    let session_token = secret::generate(SecretKind::Session)?;
    let completed = visit.applicant().complete(token, Introduction::of(fields), Some(&session_token)).await;
    match completed {
        Ok(registered) => {
            if let Some(other) = visit.session.take() {
                visit.engine().end_session(other.id).await?;
            }
            if let Some(session) = registered.session {
                visit.sign_in_newcomer(session_token.expose(), session.expires_at).await?;
            }
            go_back(visit, fields).await
        }
        Err(Problem::Fields(faults)) => {
            ask_person(visit, 422, token, fields, Some((RegisterProblem::Fields, faults))).await
        }
        Err(Problem::Busy) => ask_person(visit, 503, token, fields, Some((RegisterProblem::Busy, none))).await,
        Err(Problem::Unknown) => Ok(ask_email(visit, 400, fields, Some(RegisterProblem::Over))),
        Err(Problem::Taken) => Ok(ask_email(visit, 409, fields, Some(RegisterProblem::Taken))),
        Err(Problem::Closed) => Ok(closed(visit)),
        Err(problem) => Err(problem.into()),
    }
}

/// On to the authorization request that the person came from, or a welcome if there is none that can go on.
async fn go_back(visit: &Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    if let Some(handle) = fields.handle()
        && let Ok(step) = visit.resume(handle).await
    {
        return visit.show(step).await;
    }
    Ok(show::page(200, &Welcome { frame: visit.frame(), account: visit.account() }))
}

fn ask_email(visit: &Visit, status: u16, fields: &Fields, problem: Option<RegisterProblem>) -> HttpResponse {
    let csrf = visit.csrf(Purpose::Register);
    let sign_in = fields.handle().map(|handle| visit.another(handle));
    let page = RegisterEmail {
        frame: visit.frame(),
        form: visit.form_for("/register", &csrf, fields),
        email: fields.one("email").unwrap_or_default(),
        problem,
        sign_in: sign_in.as_deref().and_then(Href::parse),
    };
    show::page(status, &page)
}

/// Asks for the code, or for the address if nobody waits for a code any more.
async fn ask_code(
    visit: &Visit,
    status: u16,
    fields: &Fields,
    problem: Option<RegisterProblem>,
) -> Result<HttpResponse, Failure> {
    let id = fields.one("registration_id").unwrap_or_default();
    let begun = match visit.env.begun_registration(&SecretHash::of(id), visit.now).await.map_err(Problem::from) {
        Ok(begun) => begun,
        Err(Problem::Closed) => return Ok(closed(visit)),
        Err(problem) => return Err(problem.into()),
    };
    let Some(begun) = begun else {
        return Ok(ask_email(visit, 400, fields, Some(RegisterProblem::Over)));
    };
    let csrf = visit.csrf(Purpose::Register);
    let other = link(visit, fields.handle());
    let page = RegisterCode {
        frame: visit.frame(),
        form: visit.form_for("/register/verify", &csrf, fields),
        resend: visit.form_for("/register", &csrf, fields),
        registration_id: id,
        email: begun.email().as_str(),
        problem,
        other_email: Href::parse(&other),
    };
    Ok(show::page(status, &page))
}

/// Asks for name and password, or for the address if the token is not good any more.
async fn ask_person(
    visit: &Visit,
    status: u16,
    token: &str,
    fields: &Fields,
    problem: Option<(RegisterProblem, Faults)>,
) -> Result<HttpResponse, Failure> {
    let proved = visit.env.proved_registration(&SecretHash::of(token), visit.now).await.map_err(Problem::from);
    let (proved, minimum) = match proved {
        Ok(Some(proved)) => proved,
        Ok(None) => return Ok(ask_email(visit, 400, fields, Some(RegisterProblem::Over))),
        Err(Problem::Closed) => return Ok(closed(visit)),
        Err(problem) => return Err(problem.into()),
    };
    let csrf = visit.csrf(Purpose::Register);
    let page = RegisterPerson {
        frame: visit.frame(),
        form: visit.form_for("/register/complete", &csrf, fields),
        registration_token: token,
        email: proved.email().as_str(),
        person: Introduction::of(fields).asked(visit.shortest_password(minimum), problem),
    };
    Ok(show::page(status, &page))
}

fn closed(visit: &Visit) -> HttpResponse {
    show::page(403, &RegisterClosed { frame: visit.frame() })
}

/// A page that says when to come back.
fn later(mut page: HttpResponse, seconds: u32) -> HttpResponse {
    page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    page
}

/// Where one registers, for the request of this handle.
pub(in super::super) fn link(visit: &Visit, handle: Option<&str>) -> String {
    at(visit, "/register", handle.map(|handle| ("handle", handle)).into_iter())
}

fn to_code(visit: &Visit, id: &Secret, fields: &Fields) -> String {
    let handle = fields.handle().map(|handle| ("handle", handle));
    at(visit, "/register/verify", [("registration_id", id.expose())].into_iter().chain(handle))
}

/// A path with values that need no escape, in the language that was asked for.
fn at<'a>(visit: &Visit, path: &str, values: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let language = visit.asked.map(|language| ("ui_locales", language.tag()));
    let pairs: Vec<String> = values.chain(language).map(|(name, value)| format!("{name}={value}")).collect();
    match pairs.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", pairs.join("&")),
    }
}

impl Visit {
    /// Whoever is at the browser, as somebody who registers.
    fn applicant(&self) -> Applicant<'_> {
        Applicant { visit: self, browser: &self.browser }
    }
}
