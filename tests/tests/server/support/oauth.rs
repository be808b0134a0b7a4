//! What tests of the OAuth endpoints share: clients of any kind, and the three ways to write parameters.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_crypto::secret::{self, SecretKind};
use paylent_domain::{Id, client::Client, resource_server::ResourceServer, user::User};
use paylent_storage::{NewClient, NewClientGrant, NewResourceServer, Page, ResourceServerFilter};

use super::*;

/// The body of a request for a token, and nothing more.
pub const CLIENT_CREDENTIALS: &[(&str, &str)] = &[("grant_type", "client_credentials")];

/// A client as the database knows it.
pub struct Registered {
    pub id: Id<Client>,
    pub user: Id<User>,
    /// `client_id` and secret.
    pub credentials: (String, String),
}

impl Tenant {
    /// A client without grants, whose user has no role: a machine unless `change` makes something else of it.
    pub async fn add_client(&self, change: impl FnOnce(&mut NewClient)) -> Registered {
        let (id, user) = (seed::new_id(), seed::new_id());
        let secret = secret::generate(SecretKind::ClientSecret).unwrap();
        let mut client = seed::machine(id, user, &secret);
        change(&mut client);
        let credentials = (client.client_id.clone(), secret.expose().to_owned());
        self.seeded.env.register_client(client, &seed::by()).await.unwrap();
        Registered { id, user, credentials }
    }

    /// A resource server with these scopes.
    pub async fn add_api(&self, identifier: &str, scopes: &[&str]) -> Id<ResourceServer> {
        let new = NewResourceServer {
            id: seed::new_id(),
            name: identifier.to_owned(),
            identifier: identifier.to_owned(),
            token_ttl: 3600,
            allow_offline_access: true,
            scopes: scopes.iter().map(|name| (*name).to_owned()).collect(),
        };
        self.seeded.env.create_resource_server(new, &seed::by()).await.unwrap().id
    }

    /// The Management API.
    pub async fn system_api(&self) -> Id<ResourceServer> {
        let filter = ResourceServerFilter { system: Some(true), ..Default::default() };
        let page = Page { limit: 1, ..Default::default() };
        self.seeded.env.resource_servers(filter, page).await.unwrap().rows.remove(0).id
    }

    /// Lets a client have tokens for a resource server: with these scopes, or with all.
    pub async fn allow(&self, client: Id<Client>, server: Id<ResourceServer>, scopes: Option<&[&str]>) {
        let grant = NewClientGrant {
            id: seed::new_id(),
            client_id: client,
            resource_server_id: server,
            allowed_scopes: scopes.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        };
        self.seeded.env.create_client_grant(grant, &seed::by()).await.unwrap();
    }
}

impl TestServer {
    /// A machine client whose tokens are opaque and whose user may read users.
    pub async fn opaque_reader(&self, tenant: &Tenant, database: &TestDatabase) -> (String, String) {
        let client = self.machine_with(tenant, &["users:read"]).await;
        database.execute(&format!("UPDATE clients SET token_format = 'opaque' WHERE client_id = '{}'", client.0)).await;
        client
    }

    /// Asks for a token with Basic authentication and this form.
    pub async fn ask(&self, tenant: &Tenant, client: &(String, String), extra: &[(&str, &str)]) -> Reply {
        Reply::of(self.asking(tenant, client, extra)).await
    }

    /// The request that asks for it.
    pub fn asking(&self, tenant: &Tenant, client: &(String, String), extra: &[(&str, &str)]) -> RequestBuilder {
        let form = [CLIENT_CREDENTIALS, extra].concat();
        self.request(tenant, Method::POST, "/oauth/token").basic_auth(&client.0, Some(&client.1)).form(&form)
    }

    /// Asks what a token is worth.
    pub async fn introspect(&self, tenant: &Tenant, client: &(String, String), token: &str) -> Reply {
        self.oauth(tenant, "/oauth/introspect", client, &[("token", token)]).await
    }

    /// Revokes a token.
    pub async fn revoke(&self, tenant: &Tenant, client: &(String, String), token: &str) -> Reply {
        self.oauth(tenant, "/oauth/revoke", client, &[("token", token)]).await
    }

    /// What the Management API answers to a list of users with this token.
    pub async fn users_with(&self, tenant: &Tenant, token: &str) -> Reply {
        self.bearer(tenant, token).get("users").await
    }
}

/// How the parameters of a request are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Form,
    Json,
    Multipart,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Form, Self::Json, Self::Multipart];

    /// Writes the parameters into a request.
    pub fn write(self, request: RequestBuilder, parameters: &[(&str, &str)]) -> RequestBuilder {
        match self {
            Self::Form => request.form(parameters),
            Self::Json => {
                let object: serde_json::Map<String, Value> =
                    parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
                request.json(&object)
            }
            Self::Multipart => request.header("content-type", MULTIPART).body(multipart(parameters)),
        }
    }
}

/// The media type of what [`multipart`] writes.
pub const MULTIPART: &str = "multipart/form-data; boundary=xyz";

/// The parameters as parts, as `curl --form` writes them.
pub fn multipart(parameters: &[(&str, &str)]) -> String {
    let parts = parameters.iter().map(|(name, value)| part(&format!("form-data; name=\"{name}\""), value));
    format!("{}--xyz--\r\n", parts.collect::<String>())
}

/// One part with any disposition.
pub fn part(disposition: &str, value: &str) -> String {
    format!("--xyz\r\nContent-Disposition: {disposition}\r\n\r\n{value}\r\n")
}

/// The value of an `Authorization` header.
pub fn basic(client: &(String, String)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", client.0, client.1)))
}

/// All of an answer that does not depend on when it was given and which request it answers.
pub fn essence(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let kept = reply.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut headers: Vec<_> =
        kept.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    (reply.status, headers, reply.text.clone())
}
