//! Who is at the browser, as its cookies say.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, ORIGIN, SET_COOKIE},
    },
    web::{Bytes, Payload, Query},
};
use paylent_crypto::{
    seal::mac,
    secret::{self, Secret, SecretHash, SecretKind, fingerprint, random_bytes},
};
use paylent_domain::{
    Id, Timestamp,
    audit::{By, Context},
    network::Origin,
    password,
    scope::{MAX_NAME, MAX_SCOPES},
    session::MAX_USER_AGENT,
    user::User,
};
use paylent_oauth::{AuthorizeError, Browser, Engine, Parameters, SignedIn, Step};
use paylent_storage::{Env, LiveSession, NewSession};

use super::fault::Failure;
use crate::{
    Settings,
    cookies::{Cookie, Cookies},
    csrf::{self, Holder, Purpose},
    oauth::{self, body},
    pages::{Account, Fault, Form, Frame, Language, Name, asked, negotiate},
};

/// For how long a browser is told from others, in seconds: 400 days, the longest that browsers agree to.
const BROWSER_SECONDS: u32 = 400 * 24 * 3_600;
/// The largest form of somebody who is signed in, in bytes: beside its other fields it may name every permission of an API,
/// each character of them percent-encoded.
const MEMBERS_FORM: usize = body::LIMIT + MAX_SCOPES * ("&permission=".len() + 3 * MAX_NAME);

/// One request of one browser.
pub(super) struct Visit {
    pub(super) env: Env,
    pub(super) settings: Settings,
    pub(super) origin: Origin,
    pub(super) language: Language,
    /// The language that the client asked for, which the pages of its request are in.
    pub(super) asked: Option<Language>,
    pub(super) now: Timestamp,
    /// The value of the browser's own cookie: what tells it from others.
    pub(super) browser: String,
    /// What it was before this request gave it another.
    former: Option<String>,
    /// The value of the session's cookie, while it is good.
    token: Option<String>,
    pub(super) session: Option<LiveSession>,
    name: Option<String>,
    /// The token of the invitation that was opened in this browser.
    invitation: Option<String>,
    set_cookies: Vec<String>,
    from_here: bool,
    /// Whether the browser sent a cookie of ours.
    known: bool,
}

/// The fields of a form.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Visit {
    /// Reads the cookies and looks the session up.
    pub(super) async fn begin(request: &HttpRequest, settings: &Settings) -> Result<Self, HttpResponse> {
        let env = oauth::environment(request).ok_or_else(|| HttpResponse::NotFound().finish())?;
        let origin = request.extensions().get::<Origin>().cloned();
        let origin = origin.ok_or_else(|| HttpResponse::InternalServerError().finish())?;
        let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        let site = header(HeaderName::from_static("sec-fetch-site"));
        let cookies = Cookies::new(&env.tenant().base_url);
        let sent = || request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
        let known = cookies.read(Cookie::Browser, sent()).map(str::to_owned);
        let ui_locales = ui_locales(request.query_string());
        let token = cookies.read(Cookie::Session, sent());
        let browser = match &known {
            Some(known) => known.clone(),
            None => browser_name().map_err(|error| {
                tracing::error!(%error, "a browser could not be named");
                HttpResponse::InternalServerError().finish()
            })?,
        };
        let mut visit = Self {
            settings: settings.clone(),
            language: negotiate(ui_locales.as_deref(), header(ACCEPT_LANGUAGE)),
            asked: asked(ui_locales.as_deref()),
            now: settings.clock.now(),
            browser,
            former: None,
            token: None,
            session: None,
            name: None,
            invitation: cookies.read(Cookie::Invitation, sent()).map(str::to_owned),
            set_cookies: Vec::new(),
            from_here: csrf::is_from_here(&env.tenant().base_url, header(ORIGIN), site),
            known: known.is_some() || token.is_some(),
            env,
            origin,
        };
        // A post from another site brings no cookies, which does not mean that the browser has none to replace.
        if known.is_none() && request.method() != Method::POST {
            visit.set_cookies.push(cookies.set(Cookie::Browser, &visit.browser, Some(BROWSER_SECONDS)));
        }
        match visit.recognise(token).await {
            Ok(()) => Ok(visit),
            Err(failure) => Err(visit.fault(failure)),
        }
    }

    async fn recognise(&mut self, token: Option<&str>) -> Result<(), Failure> {
        let Some(token) = token.filter(|token| SecretKind::of(token) == Some(SecretKind::Session)) else {
            return Ok(());
        };
        if let Some(session) = self.env.session_by_token(&SecretHash::of(token), self.now).await? {
            self.note_activity(&session);
            self.enter(token, session);
        }
        Ok(())
    }

    /// Notes now and then that the session is used. Nobody waits for it.
    fn note_activity(&self, session: &LiveSession) {
        if !session.is_noted(self.now) {
            let (env, id, now) = (self.env.clone(), session.id, self.now);
            actix_web::rt::spawn(async move {
                if let Err(error) = env.note_activity(id, now).await {
                    tracing::warn!(%error, "the use of a session could not be noted");
                }
            });
        }
    }

    fn enter(&mut self, token: &str, session: LiveSession) {
        let names = [session.first_name.as_deref(), session.last_name.as_deref()];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        if let Some(language) = session.language.filter(|_| self.asked.is_none()) {
            self.language = language;
        }
        self.name = (!names.is_empty()).then(|| names.join(" "));
        self.token = Some(token.to_owned());
        self.session = Some(session);
    }

    /// Goes on with the first session of somebody new, in a browser that goes by another name from now on.
    pub(super) async fn sign_in_newcomer(&mut self, token: &str, until: Timestamp) -> Result<(), Failure> {
        self.rename(browser_name()?);
        self.enter_session(token, until).await
    }

    /// Gives the browser another name. Somebody may have put the one before there, to be taken for this browser later.
    pub(super) fn rename(&mut self, name: String) {
        self.set_cookies.push(self.cookies().set(Cookie::Browser, &name, Some(BROWSER_SECONDS)));
        self.former.get_or_insert(std::mem::replace(&mut self.browser, name));
    }

    /// Goes on with a request that began before this one signed somebody in.
    pub(super) async fn resume(&self, handle: &str) -> Result<Step, AuthorizeError> {
        let was = Browser { id: fingerprint(self.former.as_ref().unwrap_or(&self.browser).as_bytes()), session: None };
        self.engine().resume_renamed(handle, &was, &self.browser()).await
    }

    /// Goes on with a new session, or with a new token of the same, which the browser keeps until it ends.
    pub(super) async fn enter_session(&mut self, token: &str, until: Timestamp) -> Result<(), Failure> {
        let session = self.env.session_by_token(&SecretHash::of(token), self.now).await?;
        let session = session.ok_or(Failure::Page(Fault::Unavailable, "the session ended at once".to_owned()))?;
        let seconds = u32::try_from(until.seconds() - self.now.seconds()).unwrap_or_default();
        self.set_cookies.push(self.cookies().set(Cookie::Session, token, Some(seconds)));
        self.enter(token, session);
        Ok(())
    }

    /// Goes on with nobody signed in. A browser that sent no cookies is told nothing of its cookies.
    pub(super) fn sign_out(&mut self) {
        if self.known {
            self.set_cookies.push(self.cookies().clear(Cookie::Session));
        }
        (self.token, self.session, self.name) = (None, None, None);
    }

    /// Whether the browser sent a cookie of ours. With a post from another site it does not: they are `SameSite=Lax`.
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the request came from a page of ours, or from no page at all.
    pub(super) const fn is_from_here(&self) -> bool {
        self.from_here
    }

    /// The token of the invitation that was opened in this browser.
    pub(super) fn invitation(&self) -> Option<&str> {
        self.invitation.as_deref()
    }

    /// Keeps the token of an invitation in this browser for so many seconds, so that no address holds it.
    pub(super) fn keep_invitation(&mut self, token: &str, seconds: u32) {
        self.set_cookies.push(self.cookies().set(Cookie::Invitation, token, Some(seconds)));
    }

    /// Forgets the invitation that was opened in this browser.
    pub(super) fn forget_invitation(&mut self) {
        if self.invitation.take().is_some() {
            self.set_cookies.push(self.cookies().clear(Cookie::Invitation));
        }
    }

    /// The session in this browser, with the hash of its token.
    pub(super) fn open_session(&self) -> Option<(&LiveSession, SecretHash)> {
        Some((self.session.as_ref()?, SecretHash::of(self.token.as_deref()?)))
    }

    /// Reads the body of a form, and the language of the page it came from.
    pub(super) async fn read(&mut self, request: &HttpRequest, payload: Payload) -> Result<Fields, Failure> {
        // A stranger's form is small, so that nobody makes the server hold much for them.
        let limit = if self.session.is_some() { MEMBERS_FORM } else { body::LIMIT };
        let bytes = form_within(limit, request, payload).await?;
        let text = std::str::from_utf8(&bytes);
        let fields = Fields::parse(text.map_err(|_| Failure::malformed("The form is not UTF-8."))?)?;
        self.speak(fields.one("ui_locales"));
        Ok(fields)
    }

    /// Speaks the language that `ui_locales` asks for, if it asks for one that we speak.
    pub(super) fn speak(&mut self, ui_locales: Option<&str>) {
        if let Some(language) = asked(ui_locales) {
            (self.language, self.asked) = (language, Some(language));
        }
    }

    pub(super) fn engine(&self) -> Engine<Env> {
        oauth::engine(&self.env, &self.settings)
    }

    /// The browser as the engine sees it.
    pub(super) fn browser(&self) -> Browser {
        let signed_in = |session: &LiveSession| SignedIn {
            session_id: session.id,
            user_id: session.user_id,
            user_generation: session.user_generation,
            auth_time: session.authenticated_at,
            amr: vec!["pwd".to_owned()],
        };
        Browser { session: self.session.as_ref().map(signed_in), ..self.nobody() }
    }

    /// The same browser, as if nobody were signed in.
    pub(super) fn nobody(&self) -> Browser {
        Browser { id: fingerprint(self.browser.as_bytes()), session: None }
    }

    /// The token for a form of a page.
    pub(super) fn csrf(&self, purpose: Purpose) -> String {
        csrf::token(|message| mac(&self.settings.form_key, message), self.holder(), purpose)
    }

    /// Refuses a form that did not come from our own page in this browser.
    pub(super) fn check(&self, purpose: Purpose, fields: &Fields) -> Result<(), Failure> {
        let presented = fields.one("csrf").unwrap_or_default();
        let is_ours = csrf::matches(|message| mac(&self.settings.form_key, message), self.holder(), purpose, presented);
        match self.from_here && is_ours {
            true => Ok(()),
            false => Err(Failure::Page(Fault::Forbidden, "The form did not come from this page.".to_owned())),
        }
    }

    /// Vouches for the id of what a form will make: it was given out here, with the form. As long as what was made of it is
    /// there, the form makes nothing twice.
    pub(super) fn vouch(&self, id: &str) -> String {
        csrf::voucher(|message| mac(&self.settings.form_key, message), self.holder(), id)
    }

    /// Whether [`vouch`](Self::vouch) said this of the id.
    pub(super) fn vouched(&self, id: &str, presented: &str) -> bool {
        csrf::vouches(|message| mac(&self.settings.form_key, message), self.holder(), id, presented)
    }

    fn holder(&self) -> Holder<'_> {
        Holder { browser: &self.browser, session: self.token.as_deref() }
    }

    fn cookies(&self) -> Cookies {
        Cookies::new(&self.env.tenant().base_url)
    }

    /// What surrounds a page.
    pub(super) fn frame(&self) -> Frame<'_> {
        let base_url = &self.env.tenant().base_url;
        let host = base_url.split_once("://").map_or(base_url.as_str(), |(_, host)| host);
        Frame { language: self.language, environment: Name(host), help: None }
    }

    /// A form of a page.
    pub(super) const fn form<'a>(&self, action: &'a str, csrf: &'a str, handle: &'a str) -> Form<'a> {
        Form { action, csrf, handle: Some(handle), ui_locales: self.asked }
    }

    /// Where one signs in with another account for the same request.
    pub(super) fn another(&self, handle: &str) -> String {
        let language = self.asked.map(|language| format!("&ui_locales={}", language.tag()));
        format!("/login?handle={handle}{}", language.unwrap_or_default())
    }

    /// A form of a page that belongs to the request whose handle came with these fields, if one did.
    pub(super) fn form_for<'a>(&self, action: &'a str, csrf: &'a str, fields: &'a Fields) -> Form<'a> {
        Form { handle: fields.handle(), ..self.own_form(action, csrf) }
    }

    /// A form of a page that belongs to no request.
    pub(super) const fn own_form<'a>(&self, action: &'a str, csrf: &'a str) -> Form<'a> {
        Form { action, csrf, handle: None, ui_locales: self.asked }
    }

    /// This person at this browser, as the audit trail tells it.
    pub(super) fn context(&self, id: Id<User>, name: &str) -> Context {
        Context { by: By::User { id, name: name.to_owned() }, ..self.unnamed() }
    }

    /// This browser as the audit trail tells it, whoever is there.
    pub(super) fn unnamed(&self) -> Context {
        let user_agent = self.origin.user_agent.as_ref().map(|text| text.chars().take(MAX_USER_AGENT).collect());
        Context { by: By::System, ip: Some(self.origin.ip), user_agent, at: self.now }
    }

    /// A session that is about to begin in this browser, with this token.
    pub(super) fn new_session(&self, user_id: Id<User>, token: &Secret) -> Result<NewSession, paylent_crypto::Error> {
        let Context { ip, user_agent, .. } = self.unnamed();
        let (id, token_hash) = (Id::new(self.now, random_bytes()?), SecretHash::of(token.expose()));
        Ok(NewSession { id, user_id, token_hash, ip, user_agent })
    }

    /// How many characters a password has at least where the environment asks for so many.
    pub(super) fn shortest_password(&self, of_environment: usize) -> usize {
        password::shortest(self.settings.minimum_password, of_environment)
    }

    /// The account that is signed in.
    pub(super) fn account(&self) -> Option<Account<'_>> {
        let email = Name(&self.session.as_ref()?.email);
        Some(Account { name: self.name.as_deref().map(Name), email })
    }

    /// Gives the browser the cookies it shall have from now on.
    pub(super) fn leave(&self, mut response: HttpResponse) -> HttpResponse {
        for cookie in &self.set_cookies {
            if let Ok(value) = HeaderValue::from_str(cookie) {
                response.headers_mut().append(SET_COOKIE, value);
            }
        }
        response
    }
}

/// A value that tells a browser from others: 256 random bits.
pub(super) fn browser_name() -> Result<String, paylent_crypto::Error> {
    let fresh = secret::generate(SecretKind::Session)?;
    Ok(fresh.expose().trim_start_matches(SecretKind::Session.prefix()).to_owned())
}

/// The languages that the client asks for, in the parameters of an authorization or logout request.
pub(super) fn ui_locales(encoded: &str) -> Option<String> {
    Fields::parse(encoded).ok()?.one("ui_locales").map(str::to_owned)
}

impl From<Parameters> for Fields {
    fn from(parameters: Parameters) -> Self {
        Self(parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl Fields {
    /// Decodes `application/x-www-form-urlencoded`.
    pub(super) fn parse(encoded: &str) -> Result<Self, Failure> {
        let damaged = |_| Failure::malformed("The form cannot be read.");
        Query::<Vec<(String, String)>>::from_query(encoded).map(|pairs| Self(pairs.into_inner())).map_err(damaged)
    }

    /// The value of a field that is there once.
    pub(super) fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The handle of the request that the person came from, if it can be one.
    pub(super) fn handle(&self) -> Option<&str> {
        let is_sealed = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        self.one("handle").filter(|handle| !handle.is_empty() && is_sealed(handle))
    }

    /// Whether a field is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Every value of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The body of a request whose media type is that of HTML forms.
pub(super) async fn form_bytes(request: &HttpRequest, payload: Payload) -> Result<Bytes, Failure> {
    form_within(body::LIMIT, request, payload).await
}

async fn form_within(limit: usize, request: &HttpRequest, payload: Payload) -> Result<Bytes, Failure> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Failure::malformed("Send the parameters as application/x-www-form-urlencoded."));
    }
    let read = body::bytes_within(limit, payload).await;
    read.map_err(|_| Failure::malformed("The body cannot be read or is too large."))
}
