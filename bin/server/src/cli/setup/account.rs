//! Everything a new account starts with.

use paylent_crypto::{
    keys::KeySize,
    password::Passwords,
    secret::{self, Secret, SecretHash, SecretKind},
};
use paylent_domain::{
    Id, Timestamp,
    account::Account,
    client::{ClientType, GrantType, OrganizationUsage, TokenFormat},
    environment::{Environment, Handle, Lifetimes},
    signing_key::NewSigningKey,
    user::{NewPerson, PasswordHash},
};
use paylent_oauth::Keyring;
use paylent_storage::{MachineUser, NewAccount, NewClient, NewEnvironment};

use super::Arguments;

/// An account to be made, and the secrets that only this process will ever know.
pub(super) struct Planned {
    pub(super) account: NewAccount,
    pub(super) machines: Vec<Machine>,
}

/// The machine client of one environment.
pub(super) struct Machine {
    pub(super) environment: Environment,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
}

/// Draws every id, key and secret. Takes a second or so of CPU: three RSA keys are made.
pub(super) fn plan(
    arguments: &Arguments,
    password: &str,
    keys: &Keyring,
    now: Timestamp,
) -> Result<Planned, paylent_oauth::Error> {
    let id = new_id::<Account>(now)?;
    let (mut environments, mut machines) = (Vec::new(), Vec::new());
    for handle in arguments.account.first_environments() {
        let mut environment = environment(handle, keys, now)?;
        let client_secret = secret::generate(SecretKind::ClientSecret)?;
        let client = machine(&client_secret, now)?;
        machines.push(Machine {
            environment: Environment {
                id: environment.id,
                account_id: Some(id),
                handle: environment.handle.clone(),
                custom_domain: None,
                name: None,
                registration_enabled: true,
                lifetimes: Lifetimes::default(),
            },
            client_id: client.client_id.clone(),
            client_secret,
        });
        environment.machine = Some(client);
        environments.push(environment);
    }
    let admin = NewPerson {
        id: new_id(now)?,
        email: arguments.admin_email.clone(),
        email_verified: true,
        first_name: arguments.admin_first_name.clone(),
        last_name: None,
        password: PasswordHash(Passwords::default().hash(password)?),
    };
    let system = environment(Handle::system(), keys, now)?;
    let account = NewAccount { id, handle: arguments.account.clone(), admin, system, environments };
    Ok(Planned { account, machines })
}

fn environment(handle: Handle, keys: &Keyring, now: Timestamp) -> Result<NewEnvironment, paylent_oauth::Error> {
    let id = new_id::<Environment>(now)?;
    let size = KeySize::Rsa2048;
    let key = keys.generate(*id.as_bytes(), size)?;
    let key = NewSigningKey {
        id: new_id(now)?,
        kid: key.kid,
        key_size: i32::try_from(size.bits()).unwrap_or(i32::MAX),
        public_jwk: key.public_jwk,
        sealed_private_key: key.sealed,
        primary: true,
    };
    Ok(NewEnvironment { id, handle, key, machine: None })
}

fn machine(secret: &Secret, now: Timestamp) -> Result<NewClient, paylent_crypto::Error> {
    Ok(NewClient {
        id: new_id(now)?,
        client_id: secret::identifier()?,
        name: "Setup".to_owned(),
        client_type: ClientType::Confidential,
        secret_hash: Some(SecretHash::of(secret.expose())),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        allowed_origins: Vec::new(),
        jwks: None,
        jwks_uri: None,
        id_token_claims: false,
        grant_types: vec![GrantType::ClientCredentials],
        token_format: TokenFormat::Jwt,
        first_party: true,
        require_pkce: false,
        access_token_ttl: None,
        organization_usage: OrganizationUsage::None,
        user: Some(MachineUser::Service(new_id(now)?)),
    })
}

fn new_id<T>(now: Timestamp) -> Result<Id<T>, paylent_crypto::Error> {
    secret::random_bytes().map(|random| Id::new(now, random))
}
