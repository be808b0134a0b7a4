//! The HTTP API of the server being measured, and the texts of requests to it.

use crate::{connection::Connection, error::Error, http};
use openssl::base64;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::PathBuf};

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
const JSON_API: &str = "application/vnd.api+json";

/// The part of `paylent setup --json` that we need.
#[derive(Deserialize)]
struct Setup {
    environments: Vec<Environment>,
}

#[derive(Deserialize)]
pub(crate) struct Environment {
    issuer: String,
    management_api: String,
    client_id: String,
    client_secret: String,
}

/// An environment, with a token for its Management API.
pub(crate) struct Site {
    pub(crate) host: String,
    token: String,
}

/// A connection to the server.
pub(crate) struct Api {
    connection: Connection,
}

/// What a browser looks at.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
}

/// A runtime on this thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::at("runtime"))
}

/// The environments of all files that `paylent setup --json` printed.
pub(crate) fn environments(setups: &[PathBuf]) -> Result<Vec<Environment>, Error> {
    let mut environments = Vec::new();
    for file in setups {
        let text = fs::read_to_string(file).map_err(Error::at(file.display()))?;
        let setup = serde_json::from_str::<Setup>(&text);
        environments.extend(setup.map_err(|e| Error::Input(format!("{}: {e}", file.display())))?.environments);
    }
    Ok(environments)
}

impl Api {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Error> {
        Ok(Self { connection: Connection::open(address).await? })
    }

    /// Gets a token for the environment's Management API.
    pub(crate) async fn site(&mut self, environment: &Environment) -> Result<Site, Error> {
        let Environment { issuer, management_api, client_id, client_secret } = environment;
        let host = issuer.split_once("://").map_or(issuer.as_str(), |(_scheme, host)| host).to_owned();
        let token = self.call(&token_request(&host, &basic(client_id, client_secret), management_api)).await?;
        Ok(Site { host, token: text(&token, "/access_token")? })
    }

    /// Sends the text of a request, as a browser does.
    pub(crate) async fn send(&mut self, text: &str) -> Result<Answer, Error> {
        let request = http::requests(text)?.concat();
        let exchanged = self.connection.exchange(&request).await;
        let (head, body) = exchanged.map_err(|e| Error::Server(e.to_string()))?;
        let (status, body) = (head.status, String::from_utf8_lossy(body).into_owned());
        let location = self.connection.header("location").concat();
        Ok(Answer { status, location, cookies: self.connection.header("set-cookie"), body })
    }

    /// Sends the text of a request; the JSON document of a 2xx response.
    pub(crate) async fn call(&mut self, text: &str) -> Result<Value, Error> {
        let what = text.lines().next().unwrap_or_default();
        let failed = |why: String| Error::Server(format!("{what}: {why}"));
        let request = http::requests(text)?.concat();
        let (head, body) = self.connection.exchange(&request).await.map_err(|e| failed(e.to_string()))?;
        if !(200..300).contains(&head.status) {
            return Err(failed(format!("{} {}", head.status, String::from_utf8_lossy(body))));
        }
        serde_json::from_slice(body).map_err(|e| failed(e.to_string()))
    }
}

impl Site {
    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.host, path) + &format!("Authorization: Bearer {}\nAccept: {JSON_API}\n", self.token)
    }

    pub(crate) fn userinfo(&self, token: &str) -> String {
        get(&self.host, "/oauth/userinfo") + &format!("Authorization: Bearer {token}\n")
    }

    pub(crate) fn create(&self, collection: &str, data: Value) -> String {
        let (path, bearer) = (format!("/api/{collection}"), format!("Bearer {}", self.token));
        post(&self.host, &path, &bearer, JSON_API, &json!({"data": data}).to_string())
    }
}

pub(crate) fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\nHost: {host}\n")
}

pub(crate) fn post(host: &str, path: &str, authorization: &str, media_type: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\nHost: {host}\nAuthorization: {authorization}\nContent-Type: {media_type}\n\
         Accept: application/json, {JSON_API}\n\n{body}\n"
    )
}

pub(crate) fn token_request(host: &str, authorization: &str, resource: &str) -> String {
    let body = format!("grant_type=client_credentials&resource={resource}");
    post(host, "/oauth/token", authorization, FORM, &body)
}

pub(crate) fn basic(client_id: &str, client_secret: &str) -> String {
    format!("Basic {}", base64::encode_block(format!("{client_id}:{client_secret}").as_bytes()))
}

/// The string at a JSON pointer.
pub(crate) fn text(document: &Value, pointer: &str) -> Result<String, Error> {
    let found = document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Error::Server(format!("a response has no {pointer}")))
}
