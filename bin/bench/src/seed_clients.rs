//! Fills the environments of a running server with clients, through its HTTP API, and writes the requests that `load`
//! sends.

use crate::{
    api::{self, Api, FORM, Site, basic, get, post, text, token_request},
    error::Error,
    http,
};
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf};

/// The identifier of the resource server that each environment gets.
const RESOURCE: &str = "https://documents.example.com";

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
    let files = api::runtime()?.block_on(fill(plan))?;
    files.write(plan)
}

async fn fill(plan: &Plan) -> Result<Files, Error> {
    let mut api = Api::open(plan.address).await?;
    let mut files = Files::default();
    let mut sites = Vec::new();
    for environment in api::environments(&plan.setups)? {
        let site = api.site(&environment).await?;
        files.discovery.push(get(&site.host, "/.well-known/openid-configuration"));
        files.jwks.push(get(&site.host, "/.well-known/jwks.json"));
        files.users_list.push(site.get("/api/users"));
        let server = resource_server(&mut api, &site).await?;
        sites.push((site, server));
    }
    // Neighbours in a file belong to different environments.
    for number in 0..plan.clients {
        for (site, server) in &sites {
            client(&mut api, site, server, number, &mut files).await?;
        }
    }
    Ok(files)
}

/// Makes the environment's resource server; its id.
async fn resource_server(api: &mut Api, site: &Site) -> Result<String, Error> {
    let server = json!({"type": "resource_server", "attributes":
        {"name": "Documents", "identifier": RESOURCE, "scopes": ["read:documents", "write:documents"]}});
    text(&api.call(&site.create("resource-servers", server)).await?, "/data/id")
}

/// Registers a client, grants it the resource server, and gets its first token.
async fn client(api: &mut Api, site: &Site, server: &str, number: usize, files: &mut Files) -> Result<(), Error> {
    let is_jwt = number.is_multiple_of(2);
    let client = json!({"type": "client", "attributes": {
        "name": format!("Job {number}"), "client_type": "confidential", "grant_types": ["client_credentials"],
        "token_format": if is_jwt { "jwt" } else { "opaque" }}});
    let client = api.call(&site.create("clients", client)).await?;
    let grant = json!({"type": "client_grant", "attributes": {}, "relationships": {
        "client": {"data": {"type": "client", "id": text(&client, "/data/id")?}},
        "resource_server": {"data": {"type": "resource_server", "id": server}}}});
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

impl Files {
    /// One file for each operation, named like it in the report.
    fn write(&self, plan: &Plan) -> Result<(), Error> {
        let files = [
            ("client_credentials_rs256", &self.client_credentials_rs256),
            ("client_credentials_opaque", &self.client_credentials_opaque),
            ("introspection", &self.introspection),
            ("introspection_jwt", &self.introspection_jwt),
            ("discovery", &self.discovery),
            ("jwks", &self.jwks),
            ("users_list", &self.users_list),
        ];
        files.into_iter().try_for_each(|(operation, requests)| http::write(&plan.out, operation, requests))
    }
}
