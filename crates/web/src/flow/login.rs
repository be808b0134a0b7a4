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
    audit::Context,
    session::Session,
    user::{Email, PasswordHash, User, check_password},
};
use paylent_oauth::Step;
use paylent_storage::{NewSession, Refusal, Renewal};

use super::{
    Visit,
    aim::{Aim, ReturnTo},
    fault::Failure,
    respond, respond_to_form, show,
    visit::Fields,
};
use crate::{Settings, csrf::Purpose, pages::SignInProblem};

/// `GET /login`: asks who somebody is who came by themselves; with `handle`, signs in with another account for the same
/// request.
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        if fields.has("handle") {
            return visit.show(reopen(visit, &fields).await?);
        }
        let path = ReturnTo::of(&fields);
        match visit.session {
            Some(_) => Ok(show::redirect(path.as_str())),
            None => Ok(visit.sign_in_page(200, &Aim::Page(path), "", None)),
        }
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
    let aim = match fields.has("handle") {
        true => match reopen(visit, fields).await? {
            Step::Login(login) => Aim::Request(login),
            step => return visit.show(step),
        },
        false => Aim::Page(ReturnTo::of(fields)),
    };
    let (email, password) = (fields.one("email").unwrap_or_default(), fields.one("password").unwrap_or_default());
    let again = |visit: &Visit, status, problem| Ok(visit.sign_in_page(status, &aim, email, Some(problem)));
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
        true => go_on(visit, &aim).await,
        false => again(visit, 401, SignInProblem::Mismatch),
    }
}

async fn go_on(visit: &Visit, aim: &Aim) -> Result<HttpResponse, Failure> {
    match aim {
        Aim::Request(login) => visit.show(visit.engine().resume(&login.handle, &visit.browser()).await?),
        Aim::Page(path) => Ok(show::redirect(path.as_str())),
    }
}

/// Why a password could not be compared.
pub(super) enum Proof {
    Busy,
    Failed(Failure),
}

/// Whose address and password these are. Every refusal costs the comparison of one password.
pub(super) async fn prove(visit: &Visit, email: &str, password: &str) -> Result<Option<Id<User>>, Proof> {
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
    let by = visit.context(user_id, email.trim());
    let session = match renew_session(visit, user_id, &token, &by).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => {
            let new = NewSession {
                id: Id::new(visit.now, random_bytes()?),
                user_id,
                token_hash: SecretHash::of(token.expose()),
                ip: by.ip,
                user_agent: by.user_agent.clone(),
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
