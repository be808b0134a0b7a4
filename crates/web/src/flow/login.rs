//! `/login`: an e-mail address and a password become a session.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::{
    password::Verification,
    secret::{self, Secret, SecretHash, SecretKind, random_bytes},
};
use paylent_domain::{
    Id,
    audit::{By, Context},
    session::Session,
    user::{Email, PasswordHash, User, check_password},
};
use paylent_oauth::{Login, Step};
use paylent_storage::{NewSession, Refusal, Renewal};

use super::{Visit, fault::Failure, respond, respond_to_form, visit::Fields};
use crate::{Settings, csrf::Purpose, pages::SignInProblem};

/// The longest `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 400;

/// `GET /login?handle=…`: signs in with another account for the same request.
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        visit.show(reopen(visit, &fields).await?)
    };
    respond(&request, &settings, run).await
}

/// `POST /login`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, sign_in).await
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
    let user = match prove(visit, email, password).await {
        Ok(Some(user)) => user,
        Ok(None) => return again(visit, 401, SignInProblem::Mismatch),
        Err(Proof::Busy) => return again(visit, 503, SignInProblem::Busy),
        Err(Proof::Failed(failure)) => return Err(failure),
    };
    match begin_session(visit, user, email).await? {
        true => resume(visit, &login).await,
        false => again(visit, 401, SignInProblem::Mismatch),
    }
}

async fn resume(visit: &Visit, login: &Login) -> Result<HttpResponse, Failure> {
    visit.show(visit.engine().resume(&login.handle, &visit.browser()).await?)
}

/// Why a password could not be compared.
enum Proof {
    Busy,
    Failed(Failure),
}

/// Whose address and password these are. Every refusal costs the comparison of one password.
async fn prove(visit: &Visit, email: &str, password: &str) -> Result<Option<Id<User>>, Proof> {
    let passwords = &visit.settings.passwords;
    let failed = |error| match error {
        paylent_crypto::Error::Busy => Proof::Busy,
        error => Proof::Failed(error.into()),
    };
    let candidate = match email.trim().parse::<Email>() {
        Ok(email) => visit.env.sign_in_candidate(&email.key()).await.map_err(|error| Proof::Failed(error.into()))?,
        Err(_) => None,
    };
    let hash = candidate.as_ref().and_then(|who| who.password_hash.as_deref());
    let verified = passwords.verify_anyone(password, hash).await.map_err(failed)?;
    let Some(who) = candidate.as_ref().filter(|who| who.can_sign_in && verified != Verification::Invalid) else {
        return Ok(None);
    };
    if let (Verification::ValidButOutdated, Some(hash)) = (verified, hash) {
        rehash(visit, who.user_id, password, hash).await;
    }
    Ok(Some(who.user_id))
}

/// Keeps the password under a hash of today's cost. The person signs in also when this fails; the next time it is tried
/// again.
async fn rehash(visit: &Visit, user_id: Id<User>, password: &str, outdated: &str) {
    let Ok(hash) = visit.settings.passwords.hash(password).await else { return };
    if let Err(error) = visit.env.renew_password_hash(user_id, outdated, &PasswordHash(hash)).await {
        tracing::warn!(%error, "a password could not be hashed again");
    }
}

/// Signs the person in: with the session that this browser has of theirs, or else a new one. Another person's session ends.
/// Says whether the person may still sign in.
async fn begin_session(visit: &mut Visit, user_id: Id<User>, email: &str) -> Result<bool, Failure> {
    let token = secret::generate(SecretKind::Session)?;
    let user_agent = visit.origin.user_agent.as_ref().map(|text| text.chars().take(MAX_USER_AGENT).collect::<String>());
    let by = Context {
        by: By::User { id: user_id, name: email.trim().to_owned() },
        ip: Some(visit.origin.ip),
        user_agent: user_agent.clone(),
        at: visit.now,
    };
    let session = match renew_session(visit, user_id, &token, &by).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => {
            let new = NewSession {
                id: Id::new(visit.now, random_bytes()?),
                user_id,
                token_hash: SecretHash::of(token.expose()),
                ip: by.ip,
                user_agent,
            };
            visit.env.create_session(new, &by).await
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
    by: &Context,
) -> paylent_storage::Result<Option<Session>> {
    match visit.open_session().filter(|(session, _)| session.user_id == user_id) {
        Some((session, old)) => {
            let renewal = Renewal { user_id, old, new: SecretHash::of(token.expose()) };
            visit.env.renew_session(session.id, renewal, by).await
        }
        None => Ok(None),
    }
}
