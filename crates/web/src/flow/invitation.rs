//! `/invitations/{id}`: an invitation is looked at, accepted or declined.
//!
//! The mailed link brings the token in its query. It is put into a cookie at once and the browser is sent on, so that the
//! token stays neither in the address bar nor in what the sign-in is told to return to. Programs send it in JSON instead.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, SecretKind};
use paylent_domain::{
    Id,
    invitation::{Invitation, InvitationStatus},
};
use paylent_storage::{Accepted, OpenInvitation};
use serde_json::{Value, json};

use super::{
    Visit,
    fault::Failure,
    introduction::{Faults, Introduction},
    invitation_answer::{Answering, Trouble, shortest_password},
    json::{self, Refused, refuse},
    respond, respond_to_form, show,
    visit::Fields,
};
use crate::{
    Settings,
    csrf::Purpose,
    is_json,
    pages::{self, Fault, Href, InvitationOutcome, Name, Outcome, RegisterProblem, Way},
};

/// How long the token of an opened invitation stays in the browser, in seconds: long enough to sign in.
const KEPT: u32 = 3_600;

/// `GET /invitations/{id}`
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    respond(&request, &settings, async |visit: &mut Visit| look(visit, &request).await).await
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
    if is_json(request.headers()) {
        let run = async |visit: &mut Visit, sent: &Fields| by_program(visit, &request, sent, accepts).await;
        return json::respond(&request, payload, &settings, run).await;
    }
    let run = async |visit: &mut Visit, fields: &Fields| by_page(visit, &request, fields, accepts).await;
    respond_to_form(&request, payload, &settings, run).await
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

/// What somebody new had sent, and why they are asked again.
type Again<'a> = (Introduction<'a>, RegisterProblem, Faults);

/// The page that asks for an answer, of somebody new perhaps once more.
fn question(visit: &Visit, open: &OpenInvitation, again: Option<Again<'_>>) -> HttpResponse {
    if open.invitation.status_at(visit.now) != InvitationStatus::Pending || !open.alive {
        return outcome(visit, 410, Outcome::Gone);
    }
    let path = format!("/invitations/{}", open.invitation.id);
    let (accept, decline) = (format!("{path}/accept"), format!("{path}/decline"));
    let sign_in = format!("/login?return_to={}", path.replace('/', "%2F"));
    let switch = format!("{sign_in}&prompt=login");
    let status = match &again {
        Some((_, RegisterProblem::Busy, _)) => 503,
        Some((_, RegisterProblem::Stale, _)) => 403,
        Some(_) => 422,
        None => 200,
    };
    let blank = Fields::default();
    let (who, problem) = match again {
        Some((who, problem, faults)) => (who, Some((problem, faults))),
        None => (Introduction::of(&blank), None),
    };
    let own = |email: &str| {
        email.parse().is_ok_and(|email: paylent_domain::user::Email| email.key() == open.invitation.email.key())
    };
    let way = match (visit.account(), &visit.session) {
        (Some(account), Some(session)) if own(&session.email) => Way::Member(account),
        (Some(account), _) => Way::Switch(account, Href::parse(&switch)),
        (None, _) if open.has_account => Way::SignIn(Href::parse(&sign_in)),
        (None, _) => Way::Newcomer(who.asked(shortest_password(visit, open), problem)),
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
    let who = Introduction::of(fields);
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
        return match visit.session.is_none() && !open.has_account && accepts {
            true => Ok(question(visit, &open, Some((who, RegisterProblem::Stale, Faults::new())))),
            false => Err(Failure::Page(Fault::Forbidden, "The form did not come from this page.".to_owned())),
        };
    }
    let answered = match (accepts, visit.session.is_some()) {
        (false, _) => answering.decline(visit).await.map(|()| None),
        (true, true) => answering.accept(visit).await.map(Some),
        (true, false) => {
            let session = secret::generate(SecretKind::Session)?;
            answering.register(visit, &open, who, Some(&session)).await.map(|(_, accepted)| Some(accepted))
        }
    };
    match answered {
        Ok(joined) => {
            visit.forget_invitation();
            Ok(match &joined {
                Some(accepted) => outcome(visit, 200, Outcome::Joined(Name(&accepted.organization))),
                None => outcome(visit, 200, Outcome::Declined),
            })
        }
        Err(trouble) => page_of(visit, Some((&open, who)), trouble),
    }
}

/// The page that tells why an invitation was not answered.
fn page_of(
    visit: &Visit,
    about: Option<(&OpenInvitation, Introduction<'_>)>,
    trouble: Trouble,
) -> Result<HttpResponse, Failure> {
    match (trouble, about) {
        (Trouble::Gone, _) => Ok(outcome(visit, 410, Outcome::Gone)),
        (Trouble::OtherAddress | Trouble::Unverified, _) => Ok(outcome(visit, 403, Outcome::NotYours)),
        (Trouble::HasAccount, Some((open, _))) => {
            Ok(question(visit, &OpenInvitation { has_account: true, ..open.clone() }, None))
        }
        (Trouble::Unfit(faults), Some((open, who))) => {
            Ok(question(visit, open, Some((who, RegisterProblem::Fields, faults))))
        }
        (Trouble::Busy, Some((open, who))) => {
            Ok(question(visit, open, Some((who, RegisterProblem::Busy, Faults::new()))))
        }
        (Trouble::Failed(failure), _) => Err(failure),
        (Trouble::Unknown | Trouble::HasAccount | Trouble::Unfit(_) | Trouble::Busy, _) => Err(unknown()),
    }
}

/// The answer of a program. The session of a browser counts only for what comes from a page of ours.
async fn by_program(
    visit: &mut Visit,
    request: &HttpRequest,
    sent: &Fields,
    accepts: bool,
) -> Result<HttpResponse, Trouble> {
    let id = id(request).ok_or(Trouble::Unknown)?;
    let session = visit.session.as_ref().filter(|_| visit.is_from_here()).map(|session| session.user_id);
    let answering = Answering::new(id, sent.one("token"), session);
    if !accepts {
        answering.decline(visit).await?;
        return Ok(json::reply(StatusCode::OK, &json!({"status": "declined"})));
    }
    if session.is_some() {
        return Ok(json::reply(StatusCode::OK, &joined(&answering.accept(visit).await?)));
    }
    let open = answering.open(visit).await?;
    if open.invitation.status_at(visit.now) != InvitationStatus::Pending && open.token_fits {
        return Err(Trouble::Gone);
    }
    let (user_id, accepted) = answering.register(visit, &open, Introduction::of(sent), None).await?;
    let mut told = joined(&accepted);
    told["user_id"] = Value::from(user_id.to_string());
    Ok(json::reply(StatusCode::CREATED, &told))
}

fn joined(accepted: &Accepted) -> Value {
    json!({
        "status": "accepted",
        "organization_id": accepted.organization_id.to_string(),
        "withheld_roles": accepted.withheld.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

impl Refused for Trouble {
    fn told(self) -> HttpResponse {
        match self {
            Self::Unknown => refuse(404, "not_found", "There is no such invitation, or the token is not its own."),
            Self::Gone => refuse(410, "gone", "The invitation can no longer be answered."),
            Self::OtherAddress => refuse(403, "access_denied", "The invitation is for another e-mail address."),
            Self::Unverified => refuse(403, "access_denied", "The e-mail address is not verified."),
            Self::HasAccount => refuse(403, "login_required", "The address has an account. Sign in first."),
            Self::Unfit(faults) => json::unfit(&faults),
            Self::Busy => json::busy(),
            Self::Failed(failure) => failure.told(),
        }
    }
}
