//! Tokens that the server did not issue, signed with its own key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jws::{JwsSigner, RS256};
use paylent_crypto::{Zeroizing, seal::MasterKey};
use paylent_oauth::Store as _;

use super::*;

/// The signing key of an environment in the hands of a forger, and what a good token says.
pub struct Forge {
    pub kid: String,
    pub claims: Value,
    der: Zeroizing<Vec<u8>>,
}

impl Forge {
    /// Takes a real token apart, and its key out of the database.
    pub async fn of(server: &TestServer, tenant: &Tenant) -> Self {
        Self::with_token(tenant, &server.admin_token(tenant).await).await
    }

    /// The same, of this token.
    pub async fn with_token(tenant: &Tenant, token: &str) -> Self {
        let kid = header(token)["kid"].as_str().unwrap().to_owned();
        let env = &tenant.seeded.env;
        let sealed = env.signing_key(&kid).await.unwrap().unwrap().sealed;
        let place = [env.tenant().environment.id.as_bytes().as_slice(), kid.as_bytes(), b"signing-key"].concat();
        let der = MasterKey::from_base64(seed::MASTER_KEY).unwrap().unseal(&place, &sealed).unwrap();
        Self { kid, claims: claims(token), der }
    }

    /// The private key, as PKCS#8 DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The header of a good token.
    pub fn header(&self) -> Value {
        json!({"alg": "RS256", "typ": "at+jwt", "kid": self.kid})
    }

    /// The header of a good token with one member changed; `Null` removes it.
    pub fn header_but(&self, name: &str, value: Value) -> Value {
        but(self.header(), name, value)
    }

    /// A token with this header and these claims, truly signed with RS256.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(&RS256.signer_from_der(&self.der).unwrap(), header, claims)
    }

    /// A good token but for one claim; `Null` removes it.
    pub fn claim(&self, name: &str, value: Value) -> String {
        self.sign(&self.header(), &but(self.claims.clone(), name, value))
    }

    /// A good token, made by us.
    pub fn good(&self) -> String {
        self.sign(&self.header(), &self.claims)
    }
}

/// A token with this header and these claims, signed by any signer.
pub fn signed(signer: &dyn JwsSigner, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = signer.sign(message.as_bytes()).unwrap();
    format!("{message}.{}", encode(signature))
}

/// base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The header of a token.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// The claims of a token.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_else(|| panic!("no JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn but(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value,
    }
    object
}

/// Each of these tokens is refused everywhere, and nothing changes. A good token made by the same hand is not.
pub async fn refuses(server: &TestServer, database: &TestDatabase, forge: &Forge, bad: Vec<String>) {
    let before = database.dump().await;
    let (acme, machine) = (&server.acme, server.acme.machine());
    let userinfo = |token: &str| server.request(acme, Method::GET, "/oauth/userinfo").bearer_auth(token);
    let good = forge.good();
    assert_eq!(Reply::of(userinfo(&good)).await.status, 403, "a machine, who is nobody");
    assert_eq!(server.introspect(acme, &machine, &good).await.json()["active"], true);
    for token in &bad {
        let (shown, reply) = (&token[..token.len().min(400)], Reply::of(userinfo(token)).await);
        assert_eq!((reply.status, &reply.json()["error"]), (401, &json!("invalid_token")), "{shown}");
        let asked = server.introspect(acme, &machine, token).await.is(200);
        assert_eq!(asked.text, r#"{"active":false}"#, "{shown}");
    }
    assert_eq!(database.dump().await, before);
    refuses_at_api(server, database, forge, bad).await;
}

/// Each of these tokens is refused by the Management API, and nothing changes. A good token made by the same hand is not.
pub async fn refuses_at_api(server: &TestServer, database: &TestDatabase, forge: &Forge, bad: Vec<String>) {
    let before = database.dump().await;
    assert_eq!(server.users_with(&server.acme, &forge.good()).await.status, 200, "the forger's hand is good");
    for token in bad {
        invalid(&server.users_with(&server.acme, &token).await, &token);
    }
    assert_eq!(database.dump().await, before);
}

/// Asserts that a token was refused as such.
#[track_caller]
pub fn invalid(reply: &Reply, token: &str) {
    let shown = &token[..token.len().min(400)];
    assert_eq!(reply.status, 401, "{shown}: {}", reply.text);
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""), "{shown}: {challenge}");
    reply.is_error(401, "");
}
