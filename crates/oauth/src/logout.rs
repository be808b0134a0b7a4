//! Signing out: RP-Initiated Logout 1.0, and the tokens of Back-Channel Logout 1.0.

use paylent_crypto::{
    jwt,
    secret::{self, Secret},
};
use paylent_domain::{Id, Timestamp, session::Session, user::User};
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Engine,
    authorize::{AuthorizeError, Browser, PageError, RESERVED},
    error::Error,
    parameters::Parameters,
    store::{Application, EndedSession, Store},
};

/// The purpose of the handles of logout requests.
const PURPOSE: &str = "logout request";
/// The `typ` of a logout token (Back-Channel Logout section 2.4).
const TYP: &str = "logout+jwt";
/// The event that a logout token tells of.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token is good, in seconds.
const LIFETIME: i64 = 120;
/// The longest `state` that is returned, in bytes.
const MAX_STATE: usize = 2_048;

/// What the browser does next.
#[derive(Debug)]
pub enum LogoutStep {
    /// The person is asked whether they want to sign out; then [`confirm_logout`](Engine::confirm_logout).
    Confirm {
        /// The request.
        handle: String,
        /// The name of the client that sent them, if that is known.
        client: Option<String>,
    },
    /// The person is signed out.
    Done(SignedOut),
}

/// That nobody is signed in any more.
#[derive(Debug)]
pub struct SignedOut {
    /// Where the browser goes now: an address that the client registered. `None`: to a page that says it is done.
    pub redirect: Option<String>,
    /// The session that this ended, with the clients to tell: to each address, as `logout_token=…` in a form, goes a
    /// [`logout_token`](Engine::logout_token) (Back-Channel Logout section 2.5). Guard these requests against SSRF: the
    /// clients chose the addresses. `None` when nobody was signed in.
    pub ended: Option<EndedSession>,
}

#[derive(Serialize)]
struct LogoutToken<'a> {
    iss: &'a str,
    sub: Id<User>,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    sid: Id<Session>,
    events: Value,
}

/// What is sealed in the handle of a confirmation page.
#[derive(Serialize, Deserialize)]
struct Pending {
    begun: i64,
    browser: [u8; 32],
    redirect: Option<String>,
}

/// What a request says about itself.
struct Wish {
    client: Option<String>,
    redirect: Option<String>,
    /// Whether an ID token proves that the client means the person and session of this browser.
    proven: bool,
}

impl Wish {
    /// Whether there is an address to return to that the client did not register.
    fn is_lost(&self, parameters: &Parameters) -> bool {
        parameters.get("post_logout_redirect_uri").is_some() && self.redirect.is_none()
    }
}

impl<S: Store> Engine<S> {
    /// Signs the person at this browser out. Without an ID token of the present session as `id_token_hint` anybody could
    /// have sent them, so they are asked first. An address that the client has not registered is never gone to.
    ///
    /// # Errors
    /// `Failed` when the store fails.
    pub async fn logout(&self, parameters: &Parameters, browser: &Browser) -> Result<LogoutStep, AuthorizeError> {
        let wish = self.wish(parameters, browser).await?;
        match &browser.session {
            // One who cannot be returned to where the client says is asked too: the client may not be who it claims to be.
            Some(_) if !wish.proven || wish.is_lost(parameters) => {
                let begun = self.clock.now().micros();
                let pending = Pending { begun, browser: browser.id, redirect: wish.redirect };
                Ok(LogoutStep::Confirm { handle: self.seal_handle(PURPOSE, &pending)?, client: wish.client })
            }
            _ => Ok(LogoutStep::Done(self.sign_out(browser, wish.redirect).await?)),
        }
    }

    /// Signs the person out, as they confirmed.
    ///
    /// # Errors
    /// A page when the handle is not this browser's or too old; `Failed` when the store fails.
    pub async fn confirm_logout(&self, handle: &str, browser: &Browser) -> Result<SignedOut, AuthorizeError> {
        let pending = self.pending(handle, browser)?;
        Ok(self.sign_out(browser, pending.redirect).await?)
    }

    /// Checks the handle of a person who was asked and would rather stay signed in. Nothing changes, and the browser stays
    /// here: a client that it returned to would believe that it signed the person out.
    ///
    /// # Errors
    /// A page when the handle is not this browser's or too old.
    pub fn decline_logout(&self, handle: &str, browser: &Browser) -> Result<(), PageError> {
        self.pending(handle, browser).map(drop)
    }

    /// Ends a session, with all tokens that shall not outlive it, and says which clients to tell. For a host's own
    /// sign-out and for administrators too. `None` when the session is unknown or was ended before.
    ///
    /// # Errors
    /// 503 when the store fails.
    pub async fn end_session(&self, id: Id<Session>) -> Result<Option<EndedSession>, Error> {
        Ok(self.store.end_session(id, self.clock.now()).await?)
    }

    /// Signs what tells a client that this person's session was ended. Good for two minutes: every attempt to tell
    /// takes a new one.
    ///
    /// # Errors
    /// 503 when the store fails, knows no such client or has no primary key, 500 when the signing fails.
    pub async fn logout_token(&self, client_id: &str, sub: Id<User>, sid: Id<Session>) -> Result<Secret, Error> {
        let machine = self.store.machine(client_id).await?.ok_or_else(|| Error::unavailable("the client is gone"))?;
        let key = self.primary_key(machine.primary_kid.as_deref()).await?;
        let (jti, now) = (secret::identifier()?, self.clock.now());
        let claims = LogoutToken {
            iss: &self.config.issuer,
            sub,
            aud: client_id,
            iat: now.seconds(),
            exp: now.seconds() + LIFETIME,
            jti: &jti,
            sid,
            events: json!({ EVENT: {} }),
        };
        Ok(Secret::from(jwt::sign(&key, TYP, &claims)?))
    }

    /// The request that this browser was asked about.
    fn pending(&self, handle: &str, browser: &Browser) -> Result<Pending, PageError> {
        let pending: Pending = self.open_handle(PURPOSE, handle).ok_or(PageError::Handle)?;
        if pending.browser != browser.id {
            return Err(PageError::OtherBrowser);
        }
        match self.is_stale(Timestamp::from_micros(pending.begun)) {
            true => Err(PageError::Expired),
            false => Ok(pending),
        }
    }

    async fn sign_out(&self, browser: &Browser, redirect: Option<String>) -> Result<SignedOut, Error> {
        let ended = match &browser.session {
            Some(session) => self.end_session(session.session_id).await?,
            None => None,
        };
        Ok(SignedOut { redirect, ended })
    }

    async fn wish(&self, parameters: &Parameters, browser: &Browser) -> Result<Wish, Error> {
        let hint = match parameters.get("id_token_hint") {
            Some(text) => self.hint(text).await?,
            None => None,
        };
        let named = parameters.get("client_id");
        let hint = hint.filter(|hint| named.is_none_or(|named| named == hint.aud));
        let proven = match (&hint, &browser.session) {
            (Some(hint), Some(session)) => {
                hint.sub == session.user_id.to_string() && hint.sid == Some(session.session_id.to_string())
            }
            _ => false,
        };
        let client_id = match parameters.get("id_token_hint") {
            Some(_) => hint.as_ref().map(|hint| hint.aud.as_str()),
            None => named.filter(|named| named.len() <= 512),
        };
        let application = match client_id {
            Some(client_id) => self.store.application(client_id, None).await?.filter(|known| known.client.active),
            None => None,
        };
        let redirect = application.as_ref().and_then(|known| redirect(parameters, known));
        Ok(Wish { client: application.map(|known| known.name), redirect, proven })
    }
}

/// The address to return to, with the client's `state`, if the client registered it to the letter.
fn redirect(parameters: &Parameters, application: &Application) -> Option<String> {
    let requested = parameters.get("post_logout_redirect_uri")?;
    let mut uri = application.post_logout_redirect_uris.iter().find(|known| *known == requested)?.clone();
    if let Some(state) = parameters.get("state").filter(|state| state.len() <= MAX_STATE) {
        uri.push(if uri.contains('?') { '&' } else { '?' });
        uri.push_str("state=");
        uri.extend(utf8_percent_encode(state, RESERVED));
    }
    Some(uri)
}
