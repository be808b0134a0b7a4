//! `/invitations/{id}`: an invitation is looked at, accepted or declined.
//!
//! The mailed link brings the token in its query. It is put into a cookie at once and the browser is sent on, so that the
//! token stays neither in the address bar nor in what the sign-in is told to return to. Programs send it in JSON instead.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    http::header::CACHE_CONTROL,
    web::{Data, Payload},
};
use paylent_crypto::secret::SecretKind;
use paylent_domain::{
    Id,
    invitation::{Invitation, InvitationStatus},
};
use paylent_storage::{Accepted, OpenInvitation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Visit,
    fault::Failure,
    invitation_answer::{Answering, Person, Trouble},
    show,
    visit::Fields,
};
use crate::{
    Settings,
    csrf::Purpose,
    is_json,
    oauth::body,
    pages::{self, Fault, Faults, Href, InvitationOutcome, Name, Newcomer, Outcome, Way},
};

/// How long the token of an opened invitation stays in the browser, in seconds: long enough to sign in.
const KEPT: u32 = 3_600;

/// What a program sends. Whoever has no account describes themselves.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sent {
    token: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    password: Option<String>,
    password_confirmation: Option<String>,
}

/// `GET /invitations/{id}`
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let mut visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let outcome = look(&mut visit, &request).await;
    visit.answer(outcome)
}

/// `POST /invitations/{id}/accept`
pub(super) async fn accept(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    answer(request, payload, settings, true).await
}

/// `POST /invitations/{id}/decline`
pub(super) async fn decline(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    answer(request, payload, settings, false).await
}

async fn answer(request: HttpRequest, payload: Payload, settings: Data<Settings>, accepts: bool) -> HttpResponse {
    let mut visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    if is_json(request.headers()) {
        let response = match by_program(&mut visit, &request, payload, accepts).await {
            Ok(response) => response,
            Err(trouble) => told(trouble),
        };
        return visit.leave(response);
    }
    let outcome = match visit.read(&request, payload).await {
        Ok(fields) => by_page(&mut visit, &request, &fields, accepts).await,
        Err(failure) => Err(failure),
    };
    visit.answer(outcome)
}

fn id(request: &HttpRequest) -> Option<Id<Invitation>> {
    request.match_info().get("id")?.parse().ok()
}

fn unknown() -> Failure {
    Failure::Page(Fault::NotFound, "There is no such invitation. Open the link in the mail.".to_owned())
}

/// Shows an invitation to whoever has its token, or to the person with the verified address.
async fn look(visit: &mut Visit, request: &HttpRequest) -> Result<HttpResponse, Failure> {
    let id = id(request).ok_or_else(unknown)?;
    let fields = Fields::parse(request.query_string())?;
    if let Some(token) = fields.one("token") {
        let presented = Answering::new(id, Some(token), None);
        let fits = SecretKind::of(token) == Some(SecretKind::Invitation)
            && presented.open(visit).await.is_ok_and(|open| open.token_fits);
        if !fits {
            return Err(unknown());
        }
        visit.keep_invitation(token, KEPT);
        return Ok(show::redirect(&format!("/invitations/{id}")));
    }
    let answering = Answering::new(id, visit.invitation(), visit.session.as_ref().map(|session| session.user_id));
    match answering.open(visit).await {
        Ok(open) if open.token_fits || is_theirs(visit, &open).await? => Ok(question(visit, &open, None)),
        Ok(_) | Err(Trouble::Unknown) => Err(unknown()),
        Err(trouble) => page_of(visit, None, trouble),
    }
}

/// Whether the person who is signed in has the invited address, and it is verified.
async fn is_theirs(visit: &Visit, open: &OpenInvitation) -> Result<bool, Failure> {
    let Some(session) = &visit.session else { return Ok(false) };
    let user = visit.env.user(session.user_id).await?.filter(|user| user.email_verified);
    Ok(user.and_then(|user| user.email).is_some_and(|email| email.key() == open.invitation.email.key()))
}

/// The page that asks for an answer; with what somebody new had sent, if that was not right.
fn question(visit: &Visit, open: &OpenInvitation, again: Option<(&Person<'_>, Faults)>) -> HttpResponse {
    if open.invitation.status_at(visit.now) != InvitationStatus::Pending || !open.alive {
        return outcome(visit, 410, Outcome::Gone);
    }
    let path = format!("/invitations/{}", open.invitation.id);
    let (accept, decline) = (format!("{path}/accept"), format!("{path}/decline"));
    let sign_in = format!("/login?return_to={}", path.replace('/', "%2F"));
    let switch = format!("{sign_in}&prompt=login");
    let shortest = u32::try_from(open.password_min_length).unwrap_or_default();
    let own = |email: &str| {
        email.parse().is_ok_and(|email: paylent_domain::user::Email| email.key() == open.invitation.email.key())
    };
    let way = match (visit.account(), &visit.session) {
        (Some(account), Some(session)) if own(&session.email) => Way::Member(account),
        (Some(account), _) => Way::Switch(account, Href::parse(&switch)),
        (None, _) if open.has_account => Way::SignIn(Href::parse(&sign_in)),
        (None, _) => {
            let (first_name, last_name) = again.map_or(("", ""), |(person, _)| (person.first_name, person.last_name));
            let faults = again.map(|(_, faults)| faults).unwrap_or_default();
            Way::Newcomer(Newcomer { first_name, last_name, shortest, faults })
        }
    };
    let status = match again {
        Some((_, Faults { busy: true, .. })) => 503,
        Some((_, Faults { stale: true, .. })) => 403,
        Some(_) => 422,
        None => 200,
    };
    let csrf = visit.csrf(Purpose::AnswerInvitation);
    let form = |action| pages::Form { handle: None, ..visit.form(action, &csrf, "") };
    let question = pages::Invitation {
        frame: visit.frame(),
        accept: form(&accept),
        decline: form(&decline),
        organization: Name(&open.organization),
        inviter: open.inviter.as_deref().map(Name),
        email: Name(open.invitation.email.as_str()),
        way,
    };
    show::page(status, &question)
}

fn outcome(visit: &Visit, status: u16, outcome: Outcome<'_>) -> HttpResponse {
    show::page(status, &InvitationOutcome { frame: visit.frame(), outcome })
}

/// The answer of a person, from the page.
async fn by_page(
    visit: &mut Visit,
    request: &HttpRequest,
    fields: &Fields,
    accepts: bool,
) -> Result<HttpResponse, Failure> {
    let id = id(request).ok_or_else(unknown)?;
    let mut answering = Answering::new(id, visit.invitation(), visit.session.as_ref().map(|session| session.user_id));
    let field = |name| fields.one(name).unwrap_or_default();
    let person = Person {
        first_name: field("first_name"),
        last_name: field("last_name"),
        password: field("password"),
        confirmation: field("password_confirmation"),
    };
    let open = match answering.open(visit).await {
        Ok(open) => open,
        Err(trouble) => return page_of(visit, None, trouble),
    };
    // The browser may hold the token of another invitation. Whoever has none may still be signed in with the address.
    answering.token = answering.token.filter(|_| open.token_fits);
    if answering.token.is_none() && !is_theirs(visit, &open).await? {
        return Err(unknown());
    }
    if visit.check(Purpose::AnswerInvitation, fields).is_err() {
        let stale = Faults { stale: true, ..Faults::default() };
        return match visit.session.is_none() && !open.has_account && accepts {
            true => Ok(question(visit, &open, Some((&person, stale)))),
            false => Err(Failure::Page(Fault::Forbidden, "The form did not come from this page.".to_owned())),
        };
    }
    let answered = match (accepts, visit.session.is_some()) {
        (false, _) => answering.decline(visit).await.map(|()| None),
        (true, true) => answering.accept(visit).await.map(Some),
        (true, false) => answering.register(visit, &open, &person).await.map(|(_, accepted)| Some(accepted)),
    };
    match answered {
        Ok(joined) => {
            visit.forget_invitation();
            Ok(match &joined {
                Some(accepted) => outcome(visit, 200, Outcome::Joined(Name(&accepted.organization))),
                None => outcome(visit, 200, Outcome::Declined),
            })
        }
        Err(trouble) => page_of(visit, Some((&open, &person)), trouble),
    }
}

/// The page that tells why an invitation was not answered.
fn page_of(
    visit: &Visit,
    about: Option<(&OpenInvitation, &Person<'_>)>,
    trouble: Trouble,
) -> Result<HttpResponse, Failure> {
    match (trouble, about) {
        (Trouble::Gone, _) => Ok(outcome(visit, 410, Outcome::Gone)),
        (Trouble::OtherAddress | Trouble::Unverified, _) => Ok(outcome(visit, 403, Outcome::NotYours)),
        (Trouble::HasAccount, Some((open, _))) => {
            Ok(question(visit, &OpenInvitation { has_account: true, ..open.clone() }, None))
        }
        (Trouble::Unfit(faults), Some((open, person))) => Ok(question(visit, open, Some((person, faults)))),
        (Trouble::Failed(failure), _) => Err(failure),
        (Trouble::Unknown | Trouble::HasAccount | Trouble::Unfit(_), _) => Err(unknown()),
    }
}

/// The answer of a program. The session of a browser counts only for what comes from a page of ours.
async fn by_program(
    visit: &mut Visit,
    request: &HttpRequest,
    payload: Payload,
    accepts: bool,
) -> Result<HttpResponse, Trouble> {
    let bytes = body::bytes(payload).await.map_err(|_| Trouble::Failed(Failure::malformed(TOO_LARGE)))?;
    let sent: Sent = match serde_json::from_slice(&bytes) {
        // Without names, values could be taken for each other.
        Ok(_) if bytes.trim_ascii_start().first() != Some(&b'{') => {
            return Ok(reply(422, json!({"error": "invalid_request", "error_description": UNFIT})));
        }
        Ok(sent) => sent,
        Err(error) if error.is_data() => {
            return Ok(reply(422, json!({"error": "invalid_request", "error_description": UNFIT})));
        }
        Err(_) => return Ok(reply(400, json!({"error": "invalid_request", "error_description": NO_JSON}))),
    };
    let id = id(request).ok_or(Trouble::Unknown)?;
    let session = visit.session.as_ref().filter(|_| visit.is_from_here()).map(|session| session.user_id);
    let answering = Answering::new(id, sent.token.as_deref(), session);
    if !accepts {
        answering.decline(visit).await?;
        return Ok(reply(200, json!({"status": "declined"})));
    }
    if session.is_some() {
        return Ok(reply(200, joined(&answering.accept(visit).await?)));
    }
    let open = answering.open(visit).await?;
    if open.invitation.status_at(visit.now) != InvitationStatus::Pending && open.token_fits {
        return Err(Trouble::Gone);
    }
    let person = Person {
        first_name: sent.first_name.as_deref().unwrap_or_default(),
        last_name: sent.last_name.as_deref().unwrap_or_default(),
        password: sent.password.as_deref().unwrap_or_default(),
        confirmation: sent.password_confirmation.as_deref().unwrap_or_default(),
    };
    let (user_id, accepted) = answering.register(visit, &open, &person).await?;
    let mut told = joined(&accepted);
    told["user_id"] = Value::from(user_id.to_string());
    Ok(reply(201, told))
}

const TOO_LARGE: &str = "The body cannot be read or is larger than 64 KiB.";
const NO_JSON: &str = "The body is not JSON.";
const UNFIT: &str = "The body must be an object of token, first_name, last_name, password and password_confirmation, \
    each a string named once.";

fn joined(accepted: &Accepted) -> Value {
    json!({
        "status": "accepted",
        "organization_id": accepted.organization_id.to_string(),
        "withheld_roles": accepted.withheld.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn told(trouble: Trouble) -> HttpResponse {
    let (status, error, description) = match trouble {
        Trouble::Unknown => (404, "not_found", "There is no such invitation, or the token is not its own.".to_owned()),
        Trouble::Gone => (410, "gone", "The invitation can no longer be answered.".to_owned()),
        Trouble::OtherAddress => (403, "access_denied", "The invitation is for another e-mail address.".to_owned()),
        Trouble::Unverified => (403, "access_denied", "The e-mail address is not verified.".to_owned()),
        Trouble::HasAccount => (403, "login_required", "The address has an account. Sign in first.".to_owned()),
        Trouble::Unfit(Faults { busy: true, .. }) => {
            (503, "temporarily_unavailable", "The service is busy. Try again in a moment.".to_owned())
        }
        Trouble::Unfit(faults) => (422, "invalid_request", unfit(faults)),
        Trouble::Failed(Failure::Page(_, detail)) => (400, "invalid_request", detail),
        Trouble::Failed(Failure::Failed(error)) => {
            tracing::error!(cause = ?error.cause, code = error.code.as_str(), "an invitation could not be answered");
            let sentence = "The service failed to answer this request.".to_owned();
            (error.code.status(), error.code.as_str(), sentence)
        }
    };
    reply(status, json!({"error": error, "error_description": description}))
}

/// What is wrong with what somebody new sent, in words.
fn unfit(faults: Faults) -> String {
    let named = [
        (faults.first_name, "first_name must be a name of at most 100 characters"),
        (faults.last_name, "last_name must be a name of at most 100 characters"),
        (faults.password, "password is too short, too long, or has control characters"),
        (faults.confirmation, "password_confirmation differs from password"),
    ];
    let named: Vec<&str> = named.into_iter().filter(|(wrong, _)| *wrong).map(|(_, words)| words).collect();
    format!("{}.", named.join("; "))
}

fn reply(status: u16, body: Value) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header(("Retry-After", "2"));
    }
    response.json(body)
}
