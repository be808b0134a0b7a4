//! What a test puts into its database: an environment with a machine client, ids and moments that only rise.

mod connected;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};

use paylent_crypto::{
    keys::{KeySize, PrivateKeyDer, SigningKey},
    seal::MasterKey,
    secret::{self, Secret, SecretHash, SecretKind},
};
use paylent_domain::{
    Clock as _, Id, Timestamp,
    audit::Context,
    client::{Client, ClientType, GrantType, OrganizationUsage, TokenFormat},
    clock::SystemClock,
    environment::{Environment, Handle, Lifetimes},
    hosts::Hosts,
    mail::{Mail, NewMail},
    signing_key::NewSigningKey,
    user::{NewPerson, PasswordHash, User},
};
use paylent_storage::{Db, Directory, Env, MachineUser, MailOutcome, NewAccount, NewClient, NewEnvironment};

pub use connected::{application, connection, new_static_token, static_token};

/// An environment with a primary signing key and a machine client that has the admin role and a grant to the
/// Management API.
pub struct Seeded {
    /// The environment.
    pub env: Env,
    /// The machine client's id at the Management API.
    pub client: Id<Client>,
    /// The machine client's public identifier.
    pub client_id: String,
    /// The machine client's secret.
    pub secret: Secret,
    /// The service user that the machine client acts for.
    pub service_user: Id<User>,
}

/// The master key of every test, in base64: it opens the keys of seeded environments.
pub const MASTER_KEY: &str = "cGF5bGVudCB0ZXN0cyBvbmx5OiBub3QgYSBzZWNyZXQ=";

/// Makes an account of this handle with one environment of the same handle, at `http://<handle>.localhost:8080`.
///
/// # Panics
/// The handle is not valid or is taken.
pub async fn environment(db: &Db, handle: &str) -> Seeded {
    let (id, client, service_user) = (new_id(), new_id(), new_id());
    let secret = secret::generate(SecretKind::ClientSecret).expect("the system has randomness");
    let machine = machine(client, service_user, &secret);
    let client_id = machine.client_id.clone();
    let handle: Handle = handle.parse().expect("a valid handle");
    let key = signing_key(id);
    let account = NewAccount {
        id: new_id(),
        handle: handle.as_str().parse().expect("a valid account handle"),
        admin: person(&format!("admin@{handle}.example")),
        system: new_environment(Handle::system()),
        environments: vec![NewEnvironment { id, handle: handle.clone(), key, machine: Some(machine) }],
    };
    let account_id = account.id;
    db.create_account(account, &by()).await.expect("the handle is free");
    let environment = Environment {
        id,
        account_id: Some(account_id),
        handle,
        custom_domain: None,
        name: None,
        registration_enabled: true,
        lifetimes: Lifetimes::default(),
    };
    let hosts = Hosts::new("http://localhost:8080", None).expect("a valid base URL");
    let tenant = Directory::new(hosts, Arc::new(SystemClock)).describe(environment);
    Seeded { env: Env::new(db.clone(), Arc::new(tenant)), client, client_id, secret, service_user }
}

/// A mail about to be queued, whose letter nobody can open.
#[must_use]
pub fn mail(to: &str, expires_at: Option<Timestamp>) -> NewMail {
    NewMail { id: new_id(), kind: "passcode", recipient: to.to_owned(), letter: b"sealed".to_vec(), expires_at }
}

/// Queues a mail and lets it fail.
///
/// # Panics
/// The database is unavailable.
pub async fn failed_mail(db: &Db, env: &Env, to: &str) -> Id<Mail> {
    let (mail, at) = (mail(to, None), by().at);
    let id = mail.id;
    env.queue_mail(mail, at).await.expect("the mail is queued");
    for due in db.due_mails(at, 1_000).await.expect("mails are due") {
        let claimed = db.claim_mail(due, at, at.plus_seconds(60)).await.expect("the mail is claimed");
        let failed = MailOutcome::Failed { reason: "permanent error (550)".to_owned() };
        db.settle_mail(&claimed.expect("nobody else claims it"), failed, at).await.expect("the mail is settled");
    }
    id
}

fn new_environment(handle: Handle) -> NewEnvironment {
    let id = new_id();
    NewEnvironment { id, handle, key: signing_key(id), machine: None }
}

/// A confidential client for client credentials, with this id, service user and secret.
///
/// # Panics
/// The system has no randomness.
#[must_use]
pub fn machine(id: Id<Client>, service_user: Id<User>, secret: &Secret) -> NewClient {
    NewClient {
        id,
        client_id: secret::identifier().expect("the system has randomness"),
        name: "Machine".to_owned(),
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
        user: Some(MachineUser::Service(service_user)),
    }
}

/// A person of this address, whose password nobody knows.
///
/// # Panics
/// The address is not valid.
#[must_use]
pub fn person(email: &str) -> NewPerson {
    NewPerson {
        id: new_id(),
        email: email.parse().expect("a valid address"),
        email_verified: true,
        first_name: Some("Jane".to_owned()),
        last_name: Some("Doe".to_owned()),
        password: PasswordHash("$argon2id$no-password".to_owned()),
    }
}

/// A primary RSA key for an environment, of a new name, sealed under [`MASTER_KEY`]. All share one key pair, because
/// making one takes long.
///
/// # Panics
/// The key cannot be made.
#[must_use]
pub fn signing_key(environment: Id<Environment>) -> NewSigningKey {
    static PRIVATE: OnceLock<PrivateKeyDer> = OnceLock::new();
    let kid = secret::kid().expect("the system has randomness");
    let private = PRIVATE
        .get_or_init(|| SigningKey::generate("pair".to_owned(), KeySize::Rsa2048).expect("a key pair can be made").1);
    let public = SigningKey::from_der(kid.clone(), private).expect("the key is whole").public().to_jwk();
    let master = MasterKey::from_base64(MASTER_KEY).expect("the test's master key is one");
    // As the keyring of `paylent_oauth` binds a key to its place.
    let place = [environment.as_bytes().as_slice(), kid.as_bytes(), b"signing-key"].concat();
    NewSigningKey {
        id: new_id(),
        kid,
        key_size: 2048,
        public_jwk: serde_json::to_string(&public).expect("a JWK can be written"),
        sealed_private_key: master.seal(&place, private.as_bytes()).expect("a key can be sealed"),
        primary: true,
    }
}

/// A new id, greater than all before it.
///
/// # Panics
/// The system has no randomness.
#[must_use]
pub fn new_id<T>() -> Id<T> {
    Id::new(now(), secret::random_bytes().expect("the system has randomness"))
}

/// The installation itself, at a moment later than all before it.
#[must_use]
pub fn by() -> Context {
    Context::system(now())
}

/// The present moment, or a microsecond after the last one told: no two are alike.
fn now() -> Timestamp {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let present = SystemClock.now().micros();
    let last = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(present.max(last + 1)));
    Timestamp::from_micros(last.map_or(present, |last| present.max(last + 1)))
}
