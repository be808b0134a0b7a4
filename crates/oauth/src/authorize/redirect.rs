//! Where an answer may be sent, and the answer itself.

use std::fmt;

use paylent_crypto::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::PageError;
use crate::{error::Error, parameters::Parameters};

/// The longest `state` that is returned, in bytes.
pub(super) const MAX_STATE: usize = 2_048;

/// How an answer travels to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of a redirect (303, never 307): see [`Return::url`].
    Query,
    /// In the body of a form that the browser posts by itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// The end of a request: the browser goes back to the client with these parameters.
pub struct Return {
    /// The address that the client registered.
    pub redirect_uri: String,
    /// What the client gets to know: the code or an error, its own `state`, and the issuer (RFC 9207).
    pub parameters: Vec<(&'static str, String)>,
    /// How.
    pub mode: ResponseMode,
    /// Why the request was refused, if it was; its cause is for the log.
    pub error: Option<Error>,
}

/// What is not percent-encoded: the unreserved characters of RFC 3986.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Return {
    /// Where the browser goes, for people: the host.
    #[must_use]
    pub fn host(&self) -> &str {
        host(&self.redirect_uri)
    }

    /// The address with the parameters in its query; what was registered comes first, to the letter.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.redirect_uri.clone();
        let mut separator = match url.contains('?') {
            true if url.ends_with(['?', '&']) => "",
            true => "&",
            false => "?",
        };
        for (name, value) in &self.parameters {
            url.push_str(separator);
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, RESERVED));
            separator = "&";
        }
        url
    }
}

/// Shows the names of the parameters only: one of them may be a code.
impl fmt::Debug for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| *name).collect();
        let mut shown = f.debug_struct("Return");
        shown.field("redirect_uri", &self.redirect_uri).field("parameters", &names).field("mode", &self.mode);
        shown.field("error", &self.error).finish()
    }
}

/// Whom an answer goes to, known before anything else about the request is judged.
pub(super) struct Recipient {
    pub(super) redirect_uri: String,
    /// Whether the request named the address.
    pub(super) named: bool,
    issuer: String,
    state: Option<String>,
    mode: ResponseMode,
}

impl Recipient {
    /// The recipient that a request names among the addresses the client registered. Only a client with one address
    /// may leave it out (RFC 6749 section 3.1.2.3).
    pub(super) fn find(parameters: &Parameters, registered: &[String], issuer: &str) -> Result<Self, PageError> {
        let (redirect_uri, named) = match (parameters.get("redirect_uri"), registered) {
            (Some(requested), _) if registered.iter().any(|known| is_match(known, requested)) => (requested, true),
            (None, [only]) => (only.as_str(), false),
            _ => return Err(PageError::RedirectUri),
        };
        let mode = match parameters.get("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        };
        let state = parameters.get("state").filter(|state| state.len() <= MAX_STATE).map(str::to_owned);
        Ok(Self { redirect_uri: redirect_uri.to_owned(), named, issuer: issuer.to_owned(), state, mode })
    }

    /// The answer that hands the client its code.
    pub(super) fn grant(self, code: &Secret) -> Return {
        self.answer(vec![("code", code.expose().to_owned())], None)
    }

    /// The answer that tells the client why it gets none (RFC 6749 section 4.1.2.1).
    pub(super) fn refuse(self, error: Error) -> Return {
        let parameters = vec![
            ("error", error.code.as_str().to_owned()),
            ("error_description", error.description.clone().into_owned()),
        ];
        self.answer(parameters, Some(error))
    }

    fn answer(self, mut parameters: Vec<(&'static str, String)>, error: Option<Error>) -> Return {
        parameters.extend(self.state.map(|state| ("state", state)));
        parameters.push(("iss", self.issuer));
        Return { redirect_uri: self.redirect_uri, parameters, mode: self.mode, error }
    }
}

/// Whether a requested address is a registered one: the same bytes, or the same but for the port of a loopback address
/// (RFC 8252 section 7.3).
fn is_match(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    match (loopback(registered), loopback(requested)) {
        (Some(registered), Some(requested)) => registered == requested,
        _ => false,
    }
}

/// The host and the rest of an http address whose host is a loopback IP literal, without the port. `localhost` may
/// resolve to anything and has no such freedom (RFC 8252 section 8.3).
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let after = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| after.starts_with(host))?;
    let rest = &after[host.len()..];
    let rest = match rest.strip_prefix(':') {
        Some(port_and_rest) => {
            let end = port_and_rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(port_and_rest.len());
            let (port, rest) = port_and_rest.split_at(end);
            port.parse::<u16>().ok().filter(|_| !port.starts_with('0'))?;
            rest
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

/// The host that the person will be sent to, to be shown before it happens. For an app with a scheme of its own that is
/// the scheme, with its colon: what follows names nobody.
pub(super) fn host(redirect_uri: &str) -> &str {
    let (scheme, rest) = redirect_uri.split_at(redirect_uri.find(':').map_or(0, |colon| colon + 1));
    match rest.strip_prefix("//") {
        Some(after) if ["https:", "http:"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) => {
            after.split(['/', '?']).next().unwrap_or(after)
        }
        _ => scheme,
    }
}
