//! Fills the environments of a running server with clients, through its HTTP API, and writes the requests that `load`
//! sends.

use crate::{connection::Connection, error::Error, http};
use openssl::base64;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::PathBuf};

/// The identifier of the resource server that each environment gets.
const RESOURCE: &str = "https://documents.example.com";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON_API: &str = "application/vnd.api+json";

/// What to make, where, and from what.
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// Files of what `paylent setup --json` printed, one per account.
    pub(crate) setups: Vec<PathBuf>,
    /// Clients of each environment, half with JWTs and half with opaque tokens.
    pub(crate) clients: usize,
    /// The directory of the request files.
    pub(crate) out: PathBuf,
}

/// The part of `paylent setup --json` that we need.
#[derive(Deserialize)]
struct Setup {
    environments: Vec<Environment>,
}

#[derive(Deserialize)]
struct Environment {
    issuer: String,
    management_api: String,
    client_id: String,
    client_secret: String,
}

/// An environment with its resource server.
struct Site {
    host: String,
    /// A token for the Management API.
    token: String,
    /// The id of the resource server.
    server: String,
}

/// The texts of the request files.
#[derive(Default)]
struct Files {
    client_credentials_rs256: Vec<String>,
    client_credentials_opaque: Vec<String>,
    introspection_jwt: Vec<String>,
    introspection: Vec<String>,
    discovery: Vec<String>,
    jwks: Vec<String>,
    users_list: Vec<String>,
}

/// Runs the plan on this thread.
pub(crate) fn run(plan: &Plan) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::at("runtime"))?;
    let files = runtime.block_on(fill(plan))?;
    files.write(plan)
}

async fn fill(plan: &Plan) -> Result<Files, Error> {
    let mut api = Api { connection: Connection::open(plan.address).await? };
    let mut files = Files::default();
    let mut sites = Vec::new();
    for environment in environments(&plan.setups)? {
        let site = site(&mut api, &environment).await?;
        files.discovery.push(get(&site.host, "/.well-known/openid-configuration"));
        files.jwks.push(get(&site.host, "/.well-known/jwks.json"));
        files.users_list.push(site.get("/api/users"));
        sites.push(site);
    }
    // Neighbours in a file belong to different environments.
    for number in 0..plan.clients {
        for site in &sites {
            client(&mut api, site, number, &mut files).await?;
        }
    }
    Ok(files)
}

fn environments(setups: &[PathBuf]) -> Result<Vec<Environment>, Error> {
    let mut environments = Vec::new();
    for file in setups {
        let text = fs::read_to_string(file).map_err(Error::at(file.display()))?;
        let setup = serde_json::from_str::<Setup>(&text);
        environments.extend(setup.map_err(|e| Error::Input(format!("{}: {e}", file.display())))?.environments);
    }
    Ok(environments)
}

/// Gets a token for the environment's Management API, and makes the resource server.
async fn site(api: &mut Api, environment: &Environment) -> Result<Site, Error> {
    let Environment { issuer, management_api, client_id, client_secret } = environment;
    let host = issuer.split_once("://").map_or(issuer.as_str(), |(_scheme, host)| host).to_owned();
    let authorization = basic(client_id, client_secret);
    let token = api.call(&token_request(&host, &authorization, management_api)).await?;
    let mut site = Site { host, token: text(&token, "/access_token")?, server: String::new() };
    let server = json!({"type": "resource_server", "attributes":
        {"name": "Documents", "identifier": RESOURCE, "scopes": ["read:documents", "write:documents"]}});
    site.server = text(&api.call(&site.create("resource-servers", server)).await?, "/data/id")?;
    Ok(site)
}

/// Registers a client, grants it the resource server, and gets its first token.
async fn client(api: &mut Api, site: &Site, number: usize, files: &mut Files) -> Result<(), Error> {
    let is_jwt = number.is_multiple_of(2);
    let client = json!({"type": "client", "attributes": {
        "name": format!("Job {number}"), "client_type": "confidential", "grant_types": ["client_credentials"],
        "token_format": if is_jwt { "jwt" } else { "opaque" }}});
    let client = api.call(&site.create("clients", client)).await?;
    let grant = json!({"type": "client_grant", "attributes": {}, "relationships": {
        "client": {"data": {"type": "client", "id": text(&client, "/data/id")?}},
        "resource_server": {"data": {"type": "resource_server", "id": site.server}}}});
    api.call(&site.create("client-grants", grant)).await?;

    let authorization = basic(&text(&client, "/data/attributes/client_id")?, &text(&client, "/meta/client_secret")?);
    let request = token_request(&site.host, &authorization, RESOURCE);
    let token = text(&api.call(&request).await?, "/access_token")?;
    let introspection = post(&site.host, "/oauth/introspect", &authorization, FORM, &format!("token={token}"));
    let (tokens, introspections) = match is_jwt {
        true => (&mut files.client_credentials_rs256, &mut files.introspection_jwt),
        false => (&mut files.client_credentials_opaque, &mut files.introspection),
    };
    tokens.push(request);
    introspections.push(introspection);
    Ok(())
}

/// The server being filled.
struct Api {
    connection: Connection,
}

impl Api {
    /// Sends the text of a request; the JSON document of a 2xx response.
    async fn call(&mut self, text: &str) -> Result<Value, Error> {
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
    fn get(&self, path: &str) -> String {
        get(&self.host, path) + &format!("Authorization: Bearer {}\nAccept: {JSON_API}\n", self.token)
    }

    fn create(&self, collection: &str, data: Value) -> String {
        let (path, bearer) = (format!("/api/{collection}"), format!("Bearer {}", self.token));
        post(&self.host, &path, &bearer, JSON_API, &json!({"data": data}).to_string())
    }
}

fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\nHost: {host}\n")
}

fn post(host: &str, path: &str, authorization: &str, media_type: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\nHost: {host}\nAuthorization: {authorization}\nContent-Type: {media_type}\n\
         Accept: application/json, {JSON_API}\n\n{body}\n"
    )
}

fn token_request(host: &str, authorization: &str, resource: &str) -> String {
    let body = format!("grant_type=client_credentials&resource={resource}");
    post(host, "/oauth/token", authorization, FORM, &body)
}

fn basic(client_id: &str, client_secret: &str) -> String {
    format!("Basic {}", base64::encode_block(format!("{client_id}:{client_secret}").as_bytes()))
}

/// The string at a JSON pointer.
fn text(document: &Value, pointer: &str) -> Result<String, Error> {
    let found = document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| Error::Server(format!("a response has no {pointer}")))
}

impl Files {
    /// One file for each operation, named like it in the report.
    fn write(&self, plan: &Plan) -> Result<(), Error> {
        fs::create_dir_all(&plan.out).map_err(Error::at(plan.out.display()))?;
        let files = [
            ("client_credentials_rs256", &self.client_credentials_rs256),
            ("client_credentials_opaque", &self.client_credentials_opaque),
            ("introspection", &self.introspection),
            ("introspection_jwt", &self.introspection_jwt),
            ("discovery", &self.discovery),
            ("jwks", &self.jwks),
            ("users_list", &self.users_list),
        ];
        for (operation, requests) in files {
            let path = plan.out.join(format!("{operation}.http"));
            fs::write(&path, requests.join("\n%%\n")).map_err(Error::at(path.display()))?;
        }
        Ok(())
    }
}
