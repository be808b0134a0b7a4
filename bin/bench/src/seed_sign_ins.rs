//! Signs a person in to applications, as a browser does, and writes the requests that `load` sends: sign-ins, exchanges
//! of codes, refreshes, userinfo.

use crate::{
    api::{self, Api, FORM, Site, basic, post, text},
    error::Error,
    http,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "correct-horse-battery-staple";
const REDIRECT_URI: &str = "https://app.example.com/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What to make, where, and from what.
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// A file of what `paylent setup --json` printed.
    pub(crate) setup: PathBuf,
    /// Families of each application.
    pub(crate) families: usize,
    /// Codes that are left for `load`.
    pub(crate) codes: usize,
    /// The directory of the request files.
    pub(crate) out: PathBuf,
}

/// A registered application.
struct Application {
    client_id: String,
    authorization: String,
}

/// A browser: its cookies, and the page it shows.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
    page: String,
}

/// Runs the plan on this thread.
pub(crate) fn run(plan: &Plan) -> Result<(), Error> {
    api::runtime()?.block_on(seed(plan))
}

async fn seed(plan: &Plan) -> Result<(), Error> {
    let environments = api::environments(std::slice::from_ref(&plan.setup))?;
    let first = environments.first().ok_or_else(|| Error::Input("the setup has no environment".into()))?;
    let mut api = Api::open(plan.address).await?;
    let site = api.site(first).await?;
    let address = format!("{}-{EMAIL}", plan.codes);
    let person = json!({"type": "user", "attributes": {"email": address, "password": PASSWORD}});
    api.call(&site.create("users", person)).await?;

    let foreign = application(&mut api, &site, "opaque", false).await?;
    let mut stranger = Browser::default();
    stranger.authorize(&mut api, &site, &foreign).await?;
    http::write(&plan.out, "sign_in", &[stranger.sign_in(&site, &address)?])?;

    let mut browser = Browser::default();
    let mut userinfo = Vec::new();
    for format in ["opaque", "jwt"] {
        let application = application(&mut api, &site, format, true).await?;
        if browser.cookies.is_empty() {
            browser.authorize(&mut api, &site, &application).await?;
            let form = browser.sign_in(&site, &address)?;
            browser.send(&mut api, &form, 303).await?;
        }
        let mut refreshes = Vec::new();
        for _ in 0..plan.families {
            let code = browser.authorize(&mut api, &site, &application).await?;
            let tokens = api.call(&application.exchange(&site, &code)).await?;
            refreshes.push(application.refresh(&site, &text(&tokens, "/refresh_token")?));
            userinfo.push(site.userinfo(&text(&tokens, "/access_token")?));
        }
        http::write(&plan.out, &format!("refresh_{format}"), &refreshes)?;
        if format == "opaque" {
            http::write(&plan.out, "userinfo", &userinfo)?;
            let mut exchanges = Vec::new();
            for _ in 0..plan.codes {
                let code = browser.authorize(&mut api, &site, &application).await?;
                exchanges.push(application.exchange(&site, &code));
            }
            http::write(&plan.out, "code", &exchanges)?;
        }
    }
    Ok(())
}

async fn application(api: &mut Api, site: &Site, format: &str, first_party: bool) -> Result<Application, Error> {
    let client = json!({"type": "client", "attributes": {
        "name": "Ledger", "client_type": "confidential", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [REDIRECT_URI], "first_party": first_party, "token_format": format}});
    let client: Value = api.call(&site.create("clients", client)).await?;
    let client_id = text(&client, "/data/attributes/client_id")?;
    let authorization = basic(&client_id, &text(&client, "/meta/client_secret")?);
    Ok(Application { client_id, authorization })
}

impl Application {
    fn exchange(&self, site: &Site, code: &str) -> String {
        let form =
            format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT_URI}&code_verifier={VERIFIER}");
        post(&site.host, "/oauth/token", &self.authorization, FORM, &form)
    }

    fn refresh(&self, site: &Site, token: &str) -> String {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        post(&site.host, "/oauth/token", &self.authorization, FORM, &form)
    }
}

impl Browser {
    /// Asks for a code. When somebody has signed in it is in the answer, else the page to sign in at is shown.
    async fn authorize(&mut self, api: &mut Api, site: &Site, application: &Application) -> Result<String, Error> {
        let path = format!(
            "/oauth/authorize?response_type=code&client_id={}&redirect_uri={REDIRECT_URI}&scope=openid%20profile%20email\
             &state=s&nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256",
            application.client_id
        );
        let signed_in = self.cookies.len() > 1;
        let location = self.send(api, &self.get(site, &path), if signed_in { 303 } else { 200 }).await?;
        let code = location.split_once("code=").map(|(_, rest)| rest.split('&').next().unwrap_or_default().to_owned());
        match (signed_in, code) {
            (true, None) => Err(Error::Server(format!("no code in {location}"))),
            (_, code) => Ok(code.unwrap_or_default()),
        }
    }

    fn get(&self, site: &Site, path: &str) -> String {
        api::get(&site.host, path) + &self.cookie()
    }

    /// The filled form of the page that is shown.
    fn sign_in(&self, site: &Site, address: &str) -> Result<String, Error> {
        let hidden = |name: &str| {
            let input = self.page.split_once(&format!("name=\"{name}\" value=\""));
            let value = input.and_then(|(_, rest)| Some(rest.split_once('"')?.0));
            value.ok_or_else(|| Error::Server(format!("the page has no {name}")))
        };
        let (csrf, handle) = (hidden("csrf")?, hidden("handle")?);
        let form = format!("csrf={csrf}&handle={handle}&email={address}&password={PASSWORD}");
        let head = format!("POST /login HTTP/1.1\nHost: {}\nContent-Type: {FORM}\n{}", site.host, self.cookie());
        Ok(format!("{head}\n{form}\n"))
    }

    fn cookie(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("Cookie: {}\n", pairs.join("; ")) }
    }

    /// Sends a request, keeps cookies and page; where it is sent on to, if it is.
    async fn send(&mut self, api: &mut Api, request: &str, status: u16) -> Result<String, Error> {
        let answer = api.send(request).await?;
        if answer.status != status {
            return Err(Error::Server(format!("{} instead of {status}: {}", answer.status, answer.body)));
        }
        for cookie in &answer.cookies {
            let pair = cookie.split(';').next().unwrap_or_default().split_once('=');
            self.cookies.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        self.page = answer.body;
        Ok(answer.location)
    }
}
