//! Requests that this server makes by itself, to addresses that others chose.
//!
//! Owns the guard against server-side request forgery: what a registered address may be, which networks may be reached,
//! how long an answer may take and how large it may be. Called by the server's jobs and by what it hands to the engine.
//! Refuses to know what is sent and why.

#![deny(missing_docs)]

mod address;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, RequestBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::ACCEPT,
    redirect::Policy,
};
use url::{Host, Url};

use address::may_be_reached;

/// What requests may do.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether this machine and its private networks may be reached, and this machine by plain http: for development.
    pub allow_private: bool,
    /// How long a request may take, from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
    /// The largest body of an answer, in bytes.
    pub max_body: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { allow_private: false, timeout: Duration::from_secs(5), max_body: 256 * 1024 }
    }
}

/// Why there is no good answer. Says nothing of the address, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody was asked: the address is not one that may be.
    #[error("the address is refused: {0}")]
    Refused(&'static str),
    /// The answer's status is not of the class 2xx. Redirects are not followed.
    #[error("the answer's status is {0}")]
    Status(u16),
    /// The answer is not text, or is larger than [`Options::max_body`].
    #[error("the answer is too large or not UTF-8")]
    Unreadable,
    /// There was no whole answer within [`Options::timeout`].
    #[error("there was no answer in time")]
    TimedOut,
    /// Nobody answered there, or not by HTTP, or with a certificate that is not to be trusted.
    #[error("there is no connection")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Makes requests, each on a connection of its own: clones and threads share nothing but the options.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: Client,
    options: Options,
}

impl Outbound {
    /// Reads the certificate authorities that the system trusts.
    ///
    /// # Errors
    /// `Failed` when the TLS library cannot be set up.
    pub fn new(options: Options) -> Result<Self, Error> {
        let client = Client::builder()
            .dns_resolver(Arc::new(Guard { allow_private: options.allow_private }))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            // A kept connection would belong to the thread that made it.
            .pool_max_idle_per_host(0)
            .timeout(options.timeout)
            .user_agent(concat!("Paylent/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { client: client.map_err(failure)?, options })
    }

    /// Sends a form. Whatever the body of the answer is, it is not read.
    ///
    /// # Errors
    /// Every [`Error`] but `Unreadable`.
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<(), Error> {
        self.send(self.client.post(self.check(url)?).form(form)).await.map(drop)
    }

    /// Asks for a JSON document and answers its text, which nobody has parsed.
    ///
    /// # Errors
    /// Every [`Error`].
    pub async fn get_json(&self, url: &str) -> Result<String, Error> {
        let request = self.client.get(self.check(url)?).header(ACCEPT, "application/json, application/*+json");
        let mut response = self.send(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > self.options.max_body {
                return Err(Error::Unreadable);
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| Error::Unreadable)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(failure)?;
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(Error::Status(status.as_u16())),
        }
    }

    /// Judges what can be judged before a name is looked up. An address in the place of a name is never looked up.
    fn check(&self, url: &str) -> Result<Url, Error> {
        let private = self.options.allow_private;
        let url = Url::parse(url).map_err(|_| Error::Refused("it is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Refused("it names a user"));
        }
        let (is_loopback, address) = match url.host() {
            Some(Host::Domain(name)) => (name == "localhost", None),
            Some(Host::Ipv4(address)) => (address.is_loopback(), Some(address.into())),
            Some(Host::Ipv6(address)) => (address.is_loopback(), Some(address.into())),
            None => return Err(Error::Refused("it names no host")),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback && private) {
            return Err(Error::Refused("it is not https"));
        }
        if address.is_some_and(|address| !may_be_reached(address, private)) {
            return Err(Error::Refused(FORBIDDEN));
        }
        Ok(url)
    }
}

const FORBIDDEN: &str = "it does not lead to the public internet";

/// Looks names up and passes on only addresses that may be reached: what is judged is what is connected to.
struct Guard {
    allow_private: bool,
}

/// A name leads nowhere that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{FORBIDDEN}")]
struct Forbidden;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|address| may_be_reached(address.ip(), private)).collect();
            match good.is_empty() {
                true => Err(Forbidden.into()),
                false => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

fn failure(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::TimedOut;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return Error::Refused(FORBIDDEN);
        }
        cause = error.source();
    }
    Error::Failed(error.without_url().into())
}
