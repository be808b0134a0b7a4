//! `/login`: an e-mail address and a password become a session.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind, fingerprint};
use paylent_domain::{
    Id,
    audit::Context,
    session::Session,
    user::{User, check_password},
};
use paylent_oauth::{AuthorizeError, PageError, Step};
use paylent_storage::{Refusal, Renewal, RightPassword};

use super::{
    Visit,
    aim::{Aim, ReturnTo},
    fault::Failure,
    prove::{Proof, Proved, place, prove},
    respond, respond_to_form, show,
    visit::{Fields, browser_name},
};
use crate::{Settings, csrf::Purpose, pages::SignInProblem};

/// `GET /login`: asks who somebody is who came by themselves, with `prompt=login` also when they are signed in; with `handle`, signs in with another account for the same
/// request.
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        if fields.has("handle") {
            return visit.show(reopen(visit, &fields).await?).await;
        }
        let path = ReturnTo::of(&fields);
        match visit.session {
            Some(_) if fields.one("prompt") != Some("login") => Ok(show::redirect(path.as_str())),
            _ => Ok(visit.sign_in_page(200, &Aim::Page(path), "", None)),
        }
    };
    respond(&request, &settings, run).await
}

/// `POST /login`
pub(super) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, sign_in).await
}

/// The request that a handle stands for, as if nobody were signed in: judged before any password is looked at. A page that
/// was open while somebody signed in here was for the browser under its name of before. Its request begins anew.
async fn reopen(visit: &Visit, fields: &Fields) -> Result<Step, Failure> {
    let handle = fields.one("handle").unwrap_or_default();
    match visit.engine().resume(handle, &visit.nobody()).await {
        Err(AuthorizeError::Page(PageError::OtherBrowser)) if visit.session.is_some() && visit.is_from_here() => {
            Ok(visit.engine().restart(handle, &visit.nobody()).await?)
        }
        step => Ok(step?),
    }
}

async fn sign_in(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    let place = place(visit)?;
    let aim = match fields.has("handle") {
        true => match reopen(visit, fields).await? {
            Step::Login(login) => Aim::Request(login),
            step => return visit.show(step).await,
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
    let proved = match prove(visit, place, email, password).await {
        Ok(Some(proved)) => proved,
        Ok(None) => return again(visit, 401, SignInProblem::Mismatch),
        Err(Proof::Busy) => return again(visit, 503, SignInProblem::Busy),
        Err(Proof::Failed(failure)) => return Err(failure),
    };
    match begin_session(visit, proved, email).await? {
        true => go_on(visit, &aim).await,
        false => again(visit, 401, SignInProblem::Mismatch),
    }
}

async fn go_on(visit: &Visit, aim: &Aim) -> Result<HttpResponse, Failure> {
    match aim {
        Aim::Request(login) => visit.show(visit.resume(&login.handle).await?).await,
        Aim::Page(path) => Ok(show::redirect(path.as_str())),
    }
}

/// Signs the person in: with the session that this browser has of theirs, or else a new one. Another person's session ends.
/// A browser that this person did not sign in in before gets another name, by which it is known from now on. Says whether
/// the person may still sign in.
async fn begin_session(visit: &mut Visit, proved: Proved, email: &str) -> Result<bool, Failure> {
    let Proved { user_id, mut right } = proved;
    let name = (!right.attempt.known).then(browser_name).transpose()?;
    if let Some(name) = &name {
        right.attempt.browser = fingerprint(name.as_bytes());
    }
    let token = secret::generate(SecretKind::Session)?;
    let by = visit.context(user_id, email.trim());
    let session = match renew_session(visit, user_id, &token, &right, &by).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => {
            let new = visit.new_session(user_id, &token)?;
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
    if let Some(name) = name {
        visit.rename(name);
    }
    visit.enter_session(token.expose(), session.expires_at).await?;
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
