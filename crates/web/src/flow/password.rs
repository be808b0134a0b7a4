//! `/password/forgot` and `/password/reset`: a forgotten password is replaced by way of a mailed link.
//!
//! Looking at a link changes nothing, since mail programs look at links, too. The same addresses speak JSON to front ends
//! of one's own. Whether an address is known is told to nobody but its owner.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::RETRY_AFTER},
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, SecretHash, SecretKind, fingerprint};
use paylent_domain::{
    network::client_network,
    user::{Email, PasswordHash, check_password},
};
use paylent_mail::About;
use paylent_oauth::Step;
use paylent_storage::{Attempt, Error, RESET_TTL, ResetHolder, ResetPassword, ResetRequest};
use serde_json::json;

use super::{Visit, choice, fault::Failure, json, respond, respond_to_form, show, visit::Fields};
use crate::{
    Settings,
    csrf::Purpose,
    is_json,
    pages::{
        DeadLink, ForgotPassword, ForgotProblem, Form, Href, NewPassword, PasswordProblem, PasswordSet, ResetSent,
    },
};

const FORGOT: &str = "/password/forgot";
const RESET: &str = "/password/reset";
/// The longest handle that is carried through a mail.
const MAX_HANDLE: usize = 4_096;

/// Where a new password is asked for, on the way to what the handle stands for.
pub(super) fn link(visit: &Visit, handle: Option<&str>) -> String {
    let handle = handle.map(|handle| format!("handle={handle}"));
    let language = visit.asked.map(|language| format!("ui_locales={}", language.tag()));
    let query: Vec<String> = handle.into_iter().chain(language).collect();
    match query.is_empty() {
        true => FORGOT.to_owned(),
        false => format!("{FORGOT}?{}", query.join("&")),
    }
}

/// `GET /password/forgot?handle=…`
pub(super) async fn forgot(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        Ok(forgot_page(visit, 200, &fields, None))
    };
    respond(&request, &settings, run).await
}

/// `POST /password/forgot`
pub(super) async fn ask(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    if !is_json(request.headers()) {
        return respond_to_form(&request, payload, &settings, ask_on_page).await;
    }
    let run = async |visit: &mut Visit, fields: &Fields| {
        Ok::<_, Failure>(match send_link(visit, fields).await? {
            None => json::reply(StatusCode::ACCEPTED, &json!({})),
            Some(ForgotProblem::TooMany { retry_after }) => too_many(retry_after),
            Some(_) => json::refuse(422, "invalid_email", "email must be an e-mail address such as jane@example.com."),
        })
    };
    json::respond(&request, payload, &settings, run).await
}

async fn ask_on_page(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    if visit.check(Purpose::ForgotPassword, fields).is_err() {
        return Ok(forgot_page(visit, 403, fields, Some(ForgotProblem::Stale)));
    }
    Ok(match send_link(visit, fields).await? {
        None => show::page(202, &ResetSent { frame: visit.frame() }),
        Some(problem @ ForgotProblem::TooMany { retry_after }) => {
            let mut page = forgot_page(visit, 429, fields, Some(problem));
            page.headers_mut().insert(RETRY_AFTER, retry_after.into());
            page
        }
        Some(problem) => forgot_page(visit, 422, fields, Some(problem)),
    })
}

/// `GET /password/reset?token=…`
pub(super) async fn form(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        Ok(match holder(visit, &fields).await? {
            Some((holder, _)) => reset_page(visit, 200, &fields, &holder, None),
            None => dead_link(visit, &fields),
        })
    };
    respond(&request, &settings, run).await
}

/// `POST /password/reset`
pub(super) async fn reset(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    if !is_json(request.headers()) {
        return respond_to_form(&request, payload, &settings, reset_on_page).await;
    }
    let run = async |visit: &mut Visit, fields: &Fields| Ok::<_, Failure>(told(choose(visit, fields).await?));
    json::respond(&request, payload, &settings, run).await
}

async fn reset_on_page(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    if visit.check(Purpose::ResetPassword, fields).is_err() {
        return Ok(match holder(visit, fields).await? {
            Some((holder, _)) => reset_page(visit, 403, fields, &holder, Some(PasswordProblem::Stale)),
            None => dead_link(visit, fields),
        });
    }
    Ok(match choose(visit, fields).await? {
        Chosen::Done => done_page(visit, fields).await,
        Chosen::Dead => dead_link(visit, fields),
        Chosen::Not(holder, problem) => {
            let status = if problem == PasswordProblem::Busy { 503 } else { 422 };
            reset_page(visit, status, fields, &holder, Some(problem))
        }
    })
}

/// What became of a password that somebody chose.
enum Chosen {
    Done,
    Dead,
    Not(Box<ResetHolder>, PasswordProblem),
}

/// What a front end is told of it.
fn told(chosen: Chosen) -> HttpResponse {
    let invalid = |text| json::refuse(422, "invalid_password", text);
    match chosen {
        Chosen::Done => json::reply(StatusCode::OK, &json!({})),
        Chosen::Dead => json::refuse(400, "invalid_token", "The link was used or is older than an hour."),
        Chosen::Not(_, problem) => match problem {
            PasswordProblem::Short(least) => invalid(&format!("password must have at least {least} characters.")),
            PasswordProblem::Unusable => {
                invalid("password must have at most 128 characters, none of them for control.")
            }
            PasswordProblem::Guessable => invalid("password is guessed too easily; choose another."),
            PasswordProblem::Different => invalid("password_confirmation is not the same as password."),
            PasswordProblem::Stale | PasswordProblem::Busy => json::busy(),
        },
    }
}

fn too_many(retry_after: u32) -> HttpResponse {
    json::later(429, "too_many_requests", "Too many mails were asked for. Try again later.", retry_after)
}

/// Sends a link to whoever has the address that was typed: to the address as that person wrote it. An address that
/// nobody has is counted and answered alike.
async fn send_link(visit: &Visit, fields: &Fields) -> Result<Option<ForgotProblem>, Failure> {
    let Ok(typed) = fields.one("email").unwrap_or_default().trim().parse::<Email>() else {
        return Ok(Some(ForgotProblem::Email));
    };
    let email_key = typed.key();
    let candidate = visit.env.sign_in_candidate(&email_key, &fingerprint(visit.browser.as_bytes())).await?;
    let candidate = candidate.filter(|who| who.can_sign_in);
    let token = secret::generate(SecretKind::PasswordReset)?;
    let link = format!("{}{RESET}?token={}{}", visit.env.tenant().base_url, token.expose(), carried(visit, fields));
    let (user, to, language) = match candidate {
        Some(who) => (Some(who.user_id), who.email.unwrap_or(typed), who.language),
        None => (None, typed, None),
    };
    let about = About::PasswordReset { link, minutes: 60 };
    let mail = visit.seal(&to, language, about, Some(visit.now.plus_seconds(RESET_TTL)))?;
    let person = user.map(|user| (user, SecretHash::of(token.expose()), mail));
    let request = ResetRequest { email_key, person };
    match visit.env.ask_password_reset(request, &visit.unnamed()).await {
        Ok(()) => Ok(None),
        Err(Error::TooMany { retry_after }) => Ok(Some(ForgotProblem::TooMany { retry_after })),
        Err(error) => Err(error.into()),
    }
}

/// Whose link it is that the fields name, with its hash.
async fn holder(visit: &Visit, fields: &Fields) -> Result<Option<(ResetHolder, SecretHash)>, Failure> {
    let token = fields.one("token").filter(|token| SecretKind::of(token) == Some(SecretKind::PasswordReset));
    let Some(hash) = token.map(SecretHash::of) else { return Ok(None) };
    Ok(visit.env.password_reset(&hash, visit.now).await?.map(|holder| (holder, hash)))
}

async fn choose(visit: &mut Visit, fields: &Fields) -> Result<Chosen, Failure> {
    let Some((holder, link)) = holder(visit, fields).await? else { return Ok(Chosen::Dead) };
    let password = fields.one("password").unwrap_or_default();
    if let Some(problem) = unfit(visit, &holder, password, fields.one("password_confirmation")).await? {
        return Ok(Chosen::Not(Box::new(holder), problem));
    }
    let hash = match visit.settings.passwords.hash(password).await {
        Ok(hash) => PasswordHash(hash),
        Err(paylent_crypto::Error::Busy) => return Ok(Chosen::Not(Box::new(holder), PasswordProblem::Busy)),
        Err(error) => return Err(error.into()),
    };
    let about = About::PasswordChanged { reset_link: visit.reset_link() };
    let mail = visit.seal(&holder.email, holder.language, about, None)?;
    let browser = fingerprint(visit.browser.as_bytes());
    let attempt =
        Attempt { email_key: holder.email.key(), place: client_network(visit.origin.ip), browser, known: false };
    let new = ResetPassword { password: hash, mail, attempt };
    if !visit.env.reset_password(&link, new, &visit.unnamed()).await? {
        return Ok(Chosen::Dead);
    }
    if visit.session.as_ref().is_some_and(|session| session.user_id == holder.user_id) {
        visit.sign_out();
    }
    Ok(Chosen::Done)
}

/// Why this password is not to be taken.
async fn unfit(
    visit: &Visit,
    holder: &ResetHolder,
    password: &str,
    repeated: Option<&str>,
) -> Result<Option<PasswordProblem>, Failure> {
    let least = visit.shortest_password(visit.env.password_min_length().await?);
    let names = [holder.first_name.as_deref(), holder.last_name.as_deref()];
    let checked = choice::check(visit.env.tenant(), password, least, holder.email.as_str(), names);
    Ok(if password.chars().count() < least {
        Some(PasswordProblem::Short(least))
    } else if check_password(password, least).is_err() {
        Some(PasswordProblem::Unusable)
    } else if checked.is_err() {
        Some(PasswordProblem::Guessable)
    } else if repeated != Some(password) {
        Some(PasswordProblem::Different)
    } else {
        None
    })
}

/// The request that the person came from, as far as it is carried on.
fn handle(fields: &Fields) -> Option<&str> {
    let is_sealed =
        |text: &str| text.len() <= MAX_HANDLE && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    fields.one("handle").filter(|handle| !handle.is_empty() && is_sealed(handle))
}

/// The rest of a link that carries on what the person came from, and the language.
fn carried(visit: &Visit, fields: &Fields) -> String {
    let handle = handle(fields).map(|handle| format!("&handle={handle}")).unwrap_or_default();
    let language = visit.asked.map(|language| format!("&ui_locales={}", language.tag())).unwrap_or_default();
    handle + &language
}

fn page_form<'a>(visit: &Visit, action: &'a str, csrf: &'a str, fields: &'a Fields) -> Form<'a> {
    Form { action, csrf, handle: handle(fields), ui_locales: visit.asked }
}

fn forgot_page(visit: &Visit, status: u16, fields: &Fields, problem: Option<ForgotProblem>) -> HttpResponse {
    let csrf = visit.csrf(Purpose::ForgotPassword);
    let form = page_form(visit, FORGOT, &csrf, fields);
    let email = fields.one("email").unwrap_or_default();
    show::page(status, &ForgotPassword { frame: visit.frame(), form, email, problem })
}

fn reset_page(
    visit: &Visit,
    status: u16,
    fields: &Fields,
    holder: &ResetHolder,
    problem: Option<PasswordProblem>,
) -> HttpResponse {
    let csrf = visit.csrf(Purpose::ResetPassword);
    let form = page_form(visit, RESET, &csrf, fields);
    let token = fields.one("token").unwrap_or_default();
    show::page(status, &NewPassword { frame: visit.frame(), form, token, email: holder.email.as_str(), problem })
}

fn dead_link(visit: &Visit, fields: &Fields) -> HttpResponse {
    let again = match carried(visit, fields).strip_prefix('&') {
        Some(rest) => format!("{FORGOT}?{rest}"),
        None => FORGOT.to_owned(),
    };
    show::page(400, &DeadLink { frame: visit.frame(), again: Href::parse(&again) })
}

/// The end, with the way on to the application if the person came from one in this browser.
async fn done_page(visit: &Visit, fields: &Fields) -> HttpResponse {
    let mut sign_in = None;
    if let Some(handle) = handle(fields)
        && let Ok(Step::Login(login)) = visit.engine().resume(handle, &visit.nobody()).await
    {
        sign_in = Some(visit.another(&login.handle));
    }
    show::page(200, &PasswordSet { frame: visit.frame(), sign_in: sign_in.as_deref().and_then(Href::parse) })
}
