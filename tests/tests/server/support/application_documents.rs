//! Organizations' applications as the Management API takes them, and the secrets that it tells.

use super::*;

/// A document of an application of this organization.
pub fn application(attributes: Value, organization: &str) -> Value {
    document("application", attributes, &[("organization", "organization", organization)])
}

/// Attributes of an application with static tokens, which can be used from here.
pub fn bound() -> Value {
    json!({"name": "Reports", "grant_type": "client_credentials", "ip_allow_list": ["127.0.0.1"]})
}

/// The attributes with others in their places.
pub fn with_others(mut attributes: Value, others: Value) -> Value {
    attributes.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    attributes
}

/// Asks for a static token.
pub async fn ask(server: &TestServer, client_id: &str, secret: &str) -> Reply {
    let credentials = (client_id.to_owned(), secret.to_owned());
    server.oauth(&server.acme, "/oauth/token", &credentials, &[("grant_type", "client_credentials")]).await
}

/// The secret that an answer tells.
pub fn secret_of(reply: &Reply) -> String {
    reply.json()["meta"]["client_secret"].as_str().unwrap_or_else(|| panic!("no secret: {}", reply.text)).to_owned()
}
