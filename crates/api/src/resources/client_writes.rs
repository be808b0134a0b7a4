//! How clients are registered, changed and deleted.

use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind};
use paylent_domain::{
    client::{Client, ClientType, GrantType, TokenFormat},
    user::User,
};
use paylent_jsonapi::{Code, Error, Incoming};
use paylent_storage::{ClientChange, Expected, MachineUser, NewClient};

use super::client_rules::{self as rules, Whole};
use crate::{
    Answering,
    attributes::{optional, read, required},
    call::Call,
    entity::{Create, Created, Delete, Update},
    failure::Failure,
    handlers::verb,
    relationships::existing,
};

impl Create for Client {
    /// Registers it. The secret, if it is to have one, is told this once.
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (id, client_id) = (call.new_id(), secret::identifier()?);
        let (mut client, user) = read(document, |given| {
            let name = required(given, "name", rules::name);
            let client_type = optional(given, "client_type", |text: String| text.parse());
            let client_type = client_type.unwrap_or(ClientType::Confidential);
            let token_format = optional(given, "token_format", |text: String| text.parse());
            let user = given.optional_one("user", "user").value();
            let client = NewClient {
                id,
                client_id,
                client_type,
                secret_hash: None,
                redirect_uris: rules::uris(given, "redirect_uris", client_type).unwrap_or_default(),
                post_logout_redirect_uris: rules::uris(given, "post_logout_redirect_uris", client_type)
                    .unwrap_or_default(),
                backchannel_logout_uri: rules::uri(given, "backchannel_logout_uri").value(),
                allowed_origins: rules::origins(given).unwrap_or_default(),
                jwks: rules::jwks(given).value(),
                jwks_uri: rules::uri(given, "jwks_uri").value(),
                id_token_claims: given.optional("id_token_claims").unwrap_or_default(),
                grant_types: rules::grant_types(given).unwrap_or_else(|| vec![GrantType::AuthorizationCode]),
                token_format: token_format.unwrap_or(TokenFormat::Jwt),
                first_party: given.optional("first_party").unwrap_or_default(),
                require_pkce: given.optional("require_pkce").unwrap_or(client_type == ClientType::Public),
                access_token_ttl: rules::access_token_ttl(given).value(),
                organization_usage: optional(given, "organization_usage", |text: String| text.parse())
                    .unwrap_or_default(),
                user: None,
                // Last, so that faults of the others are noted too.
                name: name?,
            };
            Some((client, user))
        })?;
        let (jwks, jwks_uri) = (client.jwks.as_ref(), client.jwks_uri.as_ref());
        let NewClient { client_type, ref grant_types, require_pkce, .. } = client;
        let needs_secret = client_type == ClientType::Confidential && jwks.is_none() && jwks_uri.is_none();
        Whole { client_type, grant_types, require_pkce, jwks, jwks_uri, given_keys: "jwks_uri" }.check()?;
        client.user = machine_user(call, &client, user).await?;
        let secret = needs_secret.then(|| secret::generate(SecretKind::ClientSecret)).transpose()?;
        client.secret_hash = secret.as_ref().map(|secret| SecretHash::of(secret.expose()));
        Ok(told(call.env.register_client(client, &call.by).await?, secret.as_ref()))
    }
}

impl Update for Client {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        may_act_as(call, &self).await?;
        let mut change = read(document, |given| {
            Some(ClientChange {
                name: optional(given, "name", rules::name),
                redirect_uris: rules::uris(given, "redirect_uris", self.client_type),
                post_logout_redirect_uris: rules::uris(given, "post_logout_redirect_uris", self.client_type),
                backchannel_logout_uri: rules::uri(given, "backchannel_logout_uri").change(),
                allowed_origins: rules::origins(given),
                jwks: rules::jwks(given).change(),
                jwks_uri: rules::uri(given, "jwks_uri").change(),
                id_token_claims: given.optional("id_token_claims"),
                grant_types: rules::grant_types(given),
                token_format: optional(given, "token_format", |text: String| text.parse()),
                require_pkce: given.optional("require_pkce"),
                access_token_ttl: rules::access_token_ttl(given).change(),
                organization_usage: optional(given, "organization_usage", |text: String| text.parse()),
                active: given.optional("active"),
                service_user: None,
            })
        })?;
        let grant_types = change.grant_types.as_ref().unwrap_or(&self.grant_types);
        let whole = Whole {
            client_type: self.client_type,
            grant_types,
            require_pkce: change.require_pkce.unwrap_or(self.require_pkce),
            jwks: change.jwks.as_ref().unwrap_or(&self.jwks).as_ref(),
            jwks_uri: change.jwks_uri.as_ref().unwrap_or(&self.jwks_uri).as_ref(),
            given_keys: if change.jwks_uri.is_some() { "jwks_uri" } else { "jwks" },
        };
        whole.check()?;
        if grant_types.contains(&GrantType::ClientCredentials) && self.user_id.is_none() {
            change.service_user = Some(call.another_id()?);
        }
        Ok(call.env.update_client(self.id, change, expected, &call.by).await?)
    }
}

impl Delete for Client {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        may_act_as(call, &self).await?;
        Ok(call.env.delete_client(self.id, expected, &call.by).await?)
    }
}

/// Whom the client acts for: an existing user that the caller could act for, or a service user of its own.
async fn machine_user(call: &Call, client: &NewClient, user: Option<String>) -> Result<Option<MachineUser>, Failure> {
    let is_machine = client.grant_types.contains(&GrantType::ClientCredentials);
    let Some(user) = user else {
        return Ok(if is_machine { Some(MachineUser::Service(call.another_id()?)) } else { None });
    };
    if !is_machine {
        let detail = "Only a client with the grant client_credentials acts for a user of its own.";
        return Err(Error::new(Code::INVALID_RELATIONSHIP, detail).at_relationship("user").into());
    }
    let user = existing::<User>(call, "user", &user).await?;
    call.may_act_for(user.id).await?;
    Ok(Some(MachineUser::Existing(user.id)))
}

/// Who changes a client could get its tokens, so the caller must hold what the client's user holds.
async fn may_act_as(call: &Call, client: &Client) -> Result<(), Failure> {
    if let Some(user) = client.user_id {
        call.may_act_for(user).await?;
    }
    Ok(())
}

/// `PATCH /clients/{id}/rotate-secret`: from now on only the new secret proves the client. Tokens it has live on. A
/// client whose keys were taken away gets its secret here.
pub(crate) fn rotate_secret(call: Call) -> Answering {
    Box::pin(verb::<Client>(call, async |call, client, expected| {
        may_act_as(call, &client).await?;
        let secret = secret::generate(SecretKind::ClientSecret)?;
        let hash = SecretHash::of(secret.expose());
        let rotated = call.env.rotate_client_secret(client.id, hash, expected, &call.by).await?;
        Ok(rotated.map(|client| told(client, Some(&secret))))
    }))
}

/// The client with what its developer needs: its public identifier, and the secret this once.
fn told(client: Client, secret: Option<&Secret>) -> Created<Client> {
    let meta = vec![("client_id", client.client_id.clone())];
    let secret = secret.map(|secret| ("client_secret", secret.expose().to_owned()));
    Created { row: client, meta, secret }
}
