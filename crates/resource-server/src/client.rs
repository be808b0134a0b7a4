//! The HTTP client that comes with this crate.

use std::time::Duration;

use reqwest::{
    RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER},
    redirect::Policy,
};

use crate::http::{Answer, Answering, Http, Unreachable};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// How long a connection is kept: shorter than servers usually do, so that nothing is sent on one that is being closed.
const IDLE: Duration = Duration::from_secs(4);

/// reqwest with the system's TLS library.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Reads the certificate authorities that the system trusts.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub fn new() -> Result<Self, Unreachable> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .timeout(TIMEOUT)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("paylent-resource-server/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(failure)
    }
}

impl Http for HttpClient {
    fn get<'a>(&'a self, url: &'a str) -> Answering<'a> {
        Box::pin(answer(self.0.get(url)))
    }

    fn post<'a>(&'a self, url: &'a str, authorization: &'a str, form: String) -> Answering<'a> {
        let request = self.0.post(url).header(AUTHORIZATION, authorization);
        Box::pin(answer(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)))
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, Unreachable> {
    let mut response = request.header(ACCEPT, "application/json").send().await.map_err(failure)?;
    let header =
        |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut answer = Answer {
        status: response.status().as_u16(),
        cache_control: header(CACHE_CONTROL),
        retry_after: header(RETRY_AFTER),
        body: Vec::new(),
    };
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if answer.body.len() + chunk.len() > MAX_BODY {
            return Err(Unreachable("the answer is too large".into()));
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn failure(error: reqwest::Error) -> Unreachable {
    Unreachable(error.without_url().into())
}
