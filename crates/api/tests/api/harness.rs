//! The API of one environment, called in process.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    App, HttpMessage,
    body::to_bytes,
    dev::Service,
    http::{Method, StatusCode, header::HeaderMap},
    test,
};
use paylent_api::{Settings, configure};
use paylent_crypto::{
    password::{PasswordPool, Passwords},
    seal::MasterKey,
};
use paylent_domain::{
    clock::SystemClock,
    network::{Caller, Origin},
};
use paylent_mail::LetterKey;
use paylent_oauth::{Engine, Keyring, Parameters, TokenRequest};
use paylent_storage::Env;
use paylent_tests::{TestDatabase, seed};
use serde_json::Value;

pub(crate) const JSON_API: &str = "application/vnd.api+json";

pub(crate) struct Api {
    pub(crate) database: TestDatabase,
    pub(crate) seeded: seed::Seeded,
    pub(crate) token: String,
    keys: Arc<Keyring>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The id of the primary resource.
    pub(crate) fn id(&self) -> &str {
        self.body["data"]["id"].as_str().unwrap_or_else(|| panic!("no resource: {}", self.body))
    }

    /// The pointers of all errors.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {}", self.body));
        errors.iter().map(|error| error["source"]["pointer"].as_str().unwrap_or_default()).collect()
    }

    /// The code word of the first error.
    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("no errors: {}", self.body))
    }

    /// Asserts the status, and shows the body when it is another.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }
}

impl Api {
    /// An environment whose machine client may do everything.
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::sqlite().await;
        let seeded = seed::environment(&database.db(), "acme").await;
        let keys = Arc::new(Keyring::new(MasterKey::from_base64(seed::MASTER_KEY).unwrap()));
        let mut api = Self { database, seeded, token: String::new(), keys };
        api.token = api.token_for(&api.seeded.client_id, api.seeded.secret.expose(), "").await.unwrap();
        api
    }

    pub(crate) fn env(&self) -> &Env {
        &self.seeded.env
    }

    /// A token for the Management API, with all scopes if none are named.
    pub(crate) async fn token_for(
        &self,
        client_id: &str,
        secret: &str,
        scope: &str,
    ) -> Result<String, paylent_oauth::Error> {
        let tenant = self.env().tenant();
        let engine = Engine::new(tenant.oauth.clone(), self.keys.clone(), self.env().clone(), Arc::new(SystemClock));
        let scope = if scope.is_empty() { String::new() } else { format!("&scope={scope}") };
        let resource = tenant.management_api();
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={secret}&resource={resource}{scope}"
        );
        let request = TokenRequest::parse(&[], Parameters::from_form(form.as_bytes())?, Caller::UNKNOWN)?;
        Ok(engine.token(request).await?.access_token.expose().to_owned())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.write(Method::POST, path, &self.token, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.write(Method::PATCH, path, &self.token, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn write(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let request = test::TestRequest::with_uri(path).method(method);
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        let request = request.insert_header(("content-type", JSON_API));
        self.send(request.set_payload(body.to_string())).await
    }

    /// A request with the token that may do everything.
    pub(crate) fn request(&self, method: Method, path: &str) -> test::TestRequest {
        let request = test::TestRequest::with_uri(path).method(method);
        request.insert_header(("authorization", format!("Bearer {}", self.token)))
    }

    /// Sends a request as the server's front door would pass it on.
    pub(crate) async fn send(&self, request: test::TestRequest) -> Answer {
        let settings = Settings {
            clock: Arc::new(SystemClock),
            keys: self.keys.clone(),
            passwords: PasswordPool::new(Passwords::insecure_for_tests(), 2, 8),
            cursor_key: [7; 32],
            letters: LetterKey::new(&MasterKey::generate().unwrap()),
            minimum_password: 8,
        };
        let app = test::init_service(App::new().configure(|cfg| configure(cfg, settings))).await;
        let request = request.to_request();
        request.extensions_mut().insert(self.env().clone());
        request.extensions_mut().insert(Origin {
            is_disguised: false,
            ip: IpAddr::from([203, 0, 113, 5]),
            user_agent: Some("test".to_owned()),
            request_id: "request-1".to_owned(),
        });
        let response = app.call(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body()).await.unwrap();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status, headers, body }
    }

    /// A client with a grant for the whole Management API and a service user without a role: its id, a token and its
    /// service user.
    pub(crate) async fn weak_client(&self) -> (String, String, String) {
        let client = self.post("/api/clients", new_client("Weak")).await.expect(201);
        let user = client.body["data"]["relationships"]["user"]["data"]["id"].as_str().unwrap().to_owned();
        let server = self.get("/api/resource-servers?filter[system]=true").await.expect(200);
        let server = server.body["data"][0]["id"].as_str().unwrap();
        self.post("/api/client-grants", grant(client.id(), server, Value::Null)).await.expect(201);
        let meta = &client.body["meta"];
        let (id, secret) = (meta["client_id"].as_str().unwrap(), meta["client_secret"].as_str().unwrap());
        let token = self.token_for(id, secret, "").await.unwrap();
        (client.id().to_owned(), token, user)
    }
}

pub(crate) fn new_client(name: &str) -> Value {
    serde_json::json!({"data": {"type": "client", "attributes":
        {"name": name, "client_type": "confidential", "grant_types": ["client_credentials"]}}})
}

pub(crate) fn grant(client: &str, server: &str, allowed_scopes: Value) -> Value {
    serde_json::json!({"data": {"type": "client_grant", "attributes": {"allowed_scopes": allowed_scopes},
        "relationships": {
            "client": {"data": {"type": "client", "id": client}},
            "resource_server": {"data": {"type": "resource_server", "id": server}}}}})
}

pub(crate) fn assignment(user: &str, role: &str) -> Value {
    serde_json::json!({"data": {"type": "user_role", "relationships": {
        "user": {"data": {"type": "user", "id": user}},
        "role": {"data": {"type": "role", "id": role}}}}})
}

pub(crate) fn new_user(email: &str) -> Value {
    serde_json::json!({"data": {"type": "user", "attributes": {"email": email, "password": "correct horse"}}})
}
