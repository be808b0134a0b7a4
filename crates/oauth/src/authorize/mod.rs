//! The authorization endpoint (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2): from a request, by way of the
//! pages it needs, to a code or an error for the client.
//!
//! A pending request is not stored. Each page carries a *handle*, in which the request is sealed together with the
//! browser it belongs to; when the page comes back the request is judged anew, for client, user or session may have
//! changed. [`Engine::authorize`], [`Engine::resume`], [`Engine::choose_account`],
//! [`Engine::choose_organization`] and [`Engine::decide`] all end in the
//! same place, which says what the browser does next: a [`Step`].

mod ask;
mod consent;
mod flow;
mod organization;
mod prompt;
mod redirect;
mod request;
mod step;

use paylent_crypto::secret;
use paylent_domain::{Id, Timestamp, scope::Scopes, session::Session, user::User};
use serde::{Deserialize, Serialize};

pub(crate) use redirect::RESERVED;
pub use redirect::{ResponseMode, Return};
pub use request::AuthorizationRequest;
pub use step::{AskedScope, ChooseOrganization, ClientDisplay, Consent, Login, LoginReason, SelectAccount, Step};

use crate::{Engine, error::Error, parameters::Parameters, store::Store};
use flow::Flow;
use redirect::Recipient;

/// The purpose of the handles of authorization requests.
const PURPOSE: &str = "authorization request";

/// Who sits at the browser, as the host found out from its cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// A hash of a random cookie that only this browser has.
    pub id: [u8; 32],
    /// The live session in it, if there is one, of a user who may sign in.
    pub session: Option<SignedIn>,
}

/// That a person is signed in at a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The session.
    pub session_id: Id<Session>,
    /// Who.
    pub user_id: Id<User>,
    /// The user's generation at this moment.
    pub user_generation: i64,
    /// When they proved who they are, to the microsecond: a later moment than that of a request satisfies it.
    pub auth_time: Timestamp,
    /// How (RFC 8176): `pwd` and so on.
    pub amr: Vec<String>,
}

/// What a person decides on the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, to these scopes. Those that are not optional need not be named.
    Approve(Scopes),
    /// No: the client gets `access_denied`.
    Deny,
}

/// Why a browser must not be sent to a client: the host shows an error page with this sentence, and no redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The request cannot be read, or names its client or address twice.
    #[error("The link that brought you here is damaged. Go back to the application and try again.")]
    Malformed,
    /// The client is unknown or may not act.
    #[error("The application that sent you here is not known or is switched off.")]
    UnknownClient,
    /// The address to return to is not registered.
    #[error("The application asked to send you to an address that it has not registered.")]
    RedirectUri,
    /// The handle is none of ours.
    #[error("This page can no longer be used. Go back to the application and start again.")]
    Handle,
    /// The handle was made for another browser.
    #[error("This page was opened in another browser. Go back to the application and start again in this one.")]
    OtherBrowser,
    /// The page was open for more than an hour.
    #[error("This page has been open for too long. Go back to the application and start again.")]
    Expired,
    /// The request was answered before.
    #[error("This request has been answered already. Go back to the application.")]
    AlreadyDecided,
    /// The form approves what the client has not asked for.
    #[error("The form holds a permission that the application has not asked for.")]
    ScopeNotAsked,
}

impl PageError {
    /// The HTTP status of the error page.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::OtherBrowser => 403,
            Self::AlreadyDecided => 409,
            _ => 400,
        }
    }
}

/// Why there is no next step.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The host shows an error page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Something failed before the client was known: 500 or 503. Later the client is told.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What is sealed in a handle.
#[derive(Serialize, Deserialize)]
struct Pending {
    /// Tells this request from all others: it is answered with at most one code.
    id: String,
    /// When it arrived, in microseconds since the epoch.
    begun: i64,
    browser: [u8; 32],
    parameters: Vec<(String, String)>,
    /// Whether the person chose the account to go on with.
    account_chosen: bool,
    /// For which organization the person chose to act, if they did.
    organization: Option<organization::Chosen>,
    /// Whose consent page carries this handle, if one does, and for whom they were asked.
    consent_of: Option<String>,
}

/// What a page did.
enum Arrival {
    Returned,
    AccountChosen,
    /// An organization's id; none to act for oneself.
    OrganizationChosen(Option<String>),
    Decided(Decision),
}

impl<S: Store> Engine<S> {
    /// Judges an authorization request and says what the browser does next.
    ///
    /// # Errors
    /// A page when the client or its address is not right. Everything else that is wrong is the client's to hear of, in
    /// [`Step::Return`].
    pub async fn authorize(&self, request: AuthorizationRequest, browser: &Browser) -> Result<Step, AuthorizeError> {
        let pending = self.begin(ask::known_parameters(&request.parameters), browser)?;
        self.proceed(pending, request.repeated, browser, Arrival::Returned).await
    }

    fn begin(&self, parameters: Vec<(String, String)>, browser: &Browser) -> Result<Pending, Error> {
        Ok(Pending {
            id: secret::identifier()?,
            begun: self.clock.now().micros(),
            browser: browser.id,
            parameters,
            account_chosen: false,
            organization: None,
            consent_of: None,
        })
    }

    /// Goes on where a page left off, such as after a login.
    ///
    /// # Errors
    /// A page when the handle is not this browser's or too old, or when client or address are no longer right.
    pub async fn resume(&self, handle: &str, browser: &Browser) -> Result<Step, AuthorizeError> {
        self.proceed(self.reopen(handle, browser)?, false, browser, Arrival::Returned).await
    }

    /// Goes on after the sign-in that gave the browser another name: what began under the old one is the new one's from
    /// then on.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), for the browser as it `was`.
    pub async fn resume_renamed(&self, handle: &str, was: &Browser, browser: &Browser) -> Result<Step, AuthorizeError> {
        let pending = Pending { browser: browser.id, ..self.reopen(handle, was)? };
        self.proceed(pending, false, browser, Arrival::Returned).await
    }

    /// Begins the request of a handle anew, whichever browser it was for: nothing that was chosen or decided comes along,
    /// so it is no more than a link to the endpoint with the same parameters.
    ///
    /// # Errors
    /// A page when the handle is none of ours or too old, or as for [`authorize`](Self::authorize).
    pub async fn restart(&self, handle: &str, browser: &Browser) -> Result<Step, AuthorizeError> {
        let pending = self.begin(self.open(handle)?.parameters, browser)?;
        self.proceed(pending, false, browser, Arrival::Returned).await
    }

    /// Goes on with the account of the present session, which the person chose explicitly.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub async fn choose_account(&self, handle: &str, browser: &Browser) -> Result<Step, AuthorizeError> {
        self.proceed(self.reopen(handle, browser)?, false, browser, Arrival::AccountChosen).await
    }

    /// Goes on with the organization of this id, which the person of the present session chose to act for, or with none.
    /// When they cannot choose that, they are asked again.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub async fn choose_organization(
        &self,
        handle: &str,
        browser: &Browser,
        organization: Option<&str>,
    ) -> Result<Step, AuthorizeError> {
        let arrival = Arrival::OrganizationChosen(organization.map(str::to_owned));
        self.proceed(self.reopen(handle, browser)?, false, browser, arrival).await
    }

    /// Carries out what the person decided on the consent page. When something else must happen before (the session has
    /// ended, or another person is signed in now) that is the next step, and nothing is decided.
    ///
    /// # Errors
    /// As [`resume`](Self::resume); also a page when the request was approved before, or for a scope nobody asked for.
    pub async fn decide(&self, handle: &str, browser: &Browser, decision: Decision) -> Result<Step, AuthorizeError> {
        self.proceed(self.reopen(handle, browser)?, false, browser, Arrival::Decided(decision)).await
    }

    fn reopen(&self, handle: &str, browser: &Browser) -> Result<Pending, PageError> {
        let pending = self.open(handle)?;
        if pending.browser == browser.id { Ok(pending) } else { Err(PageError::OtherBrowser) }
    }

    fn open(&self, handle: &str) -> Result<Pending, PageError> {
        let pending: Pending = self.open_handle(PURPOSE, handle).ok_or(PageError::Handle)?;
        match self.is_stale(Timestamp::from_micros(pending.begun)) {
            true => Err(PageError::Expired),
            false => Ok(pending),
        }
    }

    async fn proceed(
        &self,
        pending: Pending,
        repeated: bool,
        browser: &Browser,
        arrival: Arrival,
    ) -> Result<Step, AuthorizeError> {
        let parameters = Parameters::from_pairs(pending.parameters.clone())?;
        let client_id = parameters.get("client_id").ok_or(PageError::UnknownClient)?;
        let resource = parameters.get("resource").map(|resource| self.config.resolve(resource));
        let application = match client_id.len() <= 512 {
            true => self.store.application(client_id, resource).await.map_err(Error::from)?,
            false => None,
        };
        let application = application.filter(|known| known.client.active).ok_or(PageError::UnknownClient)?;
        let recipient = Recipient::find(&parameters, &application.redirect_uris, &self.config.issuer)?;
        let judged = match repeated {
            true => Err(Error::invalid_request("A parameter must not be repeated.")),
            false => self.ask(application, &parameters, recipient.named).await,
        };
        let next = match judged {
            Ok(ask) => {
                let flow = Flow { pending, ask, redirect_uri: recipient.redirect_uri.clone(), browser };
                self.next(flow, arrival).await
            }
            Err(error) => Err(error.into()),
        };
        match next {
            Ok(flow::Next::Page(step)) => Ok(step),
            Ok(flow::Next::Code(code)) => Ok(Step::Return(recipient.grant(&code))),
            Err(AuthorizeError::Failed(error)) => Ok(Step::Return(recipient.refuse(error))),
            Err(page) => Err(page),
        }
    }
}
