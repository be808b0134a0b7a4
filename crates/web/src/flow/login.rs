//! `/login`: an e-mail address and a password become a session.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind, random_bytes};
use paylent_domain::{
    Id,
    audit::{By, Context},
    session::Session,
    user::{User, check_password},
};
use paylent_oauth::{Login, Step};
use paylent_storage::{NewSession, Refusal, Renewal, RightPassword};

use super::{
    Visit,
    fault::Failure,
    prove::{Proof, Proved, prove},
    visit::Fields,
};
use crate::{Settings, csrf::Purpose, pages::SignInProblem};

/// The longest `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 400;

/// `GET /login?handle=…`: signs in with another account for the same request.
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let outcome = async {
        let fields = Fields::parse(request.query_string())?;
        visit.show(reopen(&visit, &fields).await?)
    };
    visit.answer(outcome.await)
}

/// `POST /login`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let mut visit = match Visit::begin(&request, &settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let outcome = match visit.read(&request, payload).await {
        Ok(fields) => sign_in(&mut visit, &fields).await,
        Err(failure) => Err(failure),
    };
    visit.answer(outcome)
}

/// The request that a handle stands for, as if nobody were signed in: judged before any password is looked at.
async fn reopen(visit: &Visit, fields: &Fields) -> Result<Step, Failure> {
    Ok(visit.engine().resume(fields.one("handle").unwrap_or_default(), &visit.nobody()).await?)
}

async fn sign_in(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    let login = match reopen(visit, fields).await? {
        Step::Login(login) => login,
        step => return visit.show(step),
    };
    let (email, password) = (fields.one("email").unwrap_or_default(), fields.one("password").unwrap_or_default());
    let again = |visit: &Visit, status, problem| Ok(visit.sign_in_page(status, &login, email, Some(problem)));
    if visit.check(Purpose::SignIn, fields).is_err() {
        return again(visit, 403, SignInProblem::Stale);
    }
    if email.is_empty() || password.is_empty() {
        let problem = SignInProblem::Missing { email: email.is_empty(), password: password.is_empty() };
        return again(visit, 400, problem);
    }
    // No account has such a password, so nothing is looked up and nothing hashed.
    if check_password(password, 0).is_err() {
        return again(visit, 422, SignInProblem::Mismatch);
    }
    let proved = match prove(visit, email, password).await {
        Ok(Some(proved)) => proved,
        Ok(None) => return again(visit, 401, SignInProblem::Mismatch),
        Err(Proof::Busy) => return again(visit, 503, SignInProblem::Busy),
        Err(Proof::Failed(failure)) => return Err(failure),
    };
    match begin_session(visit, proved, email).await? {
        true => resume(visit, &login).await,
        false => again(visit, 401, SignInProblem::Mismatch),
    }
}

async fn resume(visit: &Visit, login: &Login) -> Result<HttpResponse, Failure> {
    visit.show(visit.engine().resume(&login.handle, &visit.browser()).await?)
}

/// Signs the person in: with the session that this browser has of theirs, or else a new one. Another person's session ends.
/// Says whether the person may still sign in.
async fn begin_session(visit: &mut Visit, proved: Proved, email: &str) -> Result<bool, Failure> {
    let Proved { user_id, right } = proved;
    let token = secret::generate(SecretKind::Session)?;
    let user_agent = visit.origin.user_agent.as_ref().map(|text| text.chars().take(MAX_USER_AGENT).collect::<String>());
    let by = Context {
        by: By::User { id: user_id, name: email.trim().to_owned() },
        ip: Some(visit.origin.ip),
        user_agent: user_agent.clone(),
        at: visit.now,
    };
    let session = match renew_session(visit, user_id, &token, &right, &by).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => {
            let new = NewSession {
                id: Id::new(visit.now, random_bytes()?),
                user_id,
                token_hash: SecretHash::of(token.expose()),
                ip: by.ip,
                user_agent,
            };
            visit.env.begin_session(new, Some(right), &by).await
        }
        Err(error) => Err(error),
    };
    let session = match session {
        Ok(session) => session,
        Err(paylent_storage::Error::Reference | paylent_storage::Error::Refused(Refusal::CannotSignIn)) => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(old) = visit.session.take_if(|old| old.user_id != user_id) {
        visit.engine().end_session(old.id).await?;
    }
    visit.sign_in(token.expose(), session.expires_at).await?;
    Ok(true)
}

/// Goes on with the session in this browser, if it is this person's: what applications got in it stays theirs.
async fn renew_session(
    visit: &Visit,
    user_id: Id<User>,
    token: &Secret,
    right: &RightPassword,
    by: &Context,
) -> paylent_storage::Result<Option<Session>> {
    match visit.open_session().filter(|(session, _)| session.user_id == user_id) {
        Some((session, old)) => {
            let renewal = Renewal { user_id, old, new: SecretHash::of(token.expose()) };
            visit.env.renew_session(session.id, renewal, Some(right.clone()), by).await
        }
        None => Ok(None),
    }
}
