//! One environment under test: an engine over a store in memory, with a clock that stands still.

pub(crate) mod faulty;
pub(crate) mod keys;
pub(crate) mod people;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use paylent_domain::{
    Clock, Id, Timestamp,
    client::{ClientType, GrantType, TokenFormat},
    clock::FixedClock,
    network::Caller,
    scope::Scopes,
};
use paylent_oauth::{
    Config, Engine, Error, ErrorCode, Introspection, IntrospectionRequest, LiveToken, MemoryStore, Parameters,
    RevocationRequest, Store, TokenRequest, TokenResponse,
    crypto::secret::{self, SecretHash, SecretKind},
    store::{Client, Grant, Machine, OpaqueToken, Subject},
};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const API: &str = "https://api.example.com";
pub(crate) const OTHER_API: &str = "https://other.example.com";
/// From where all requests come, unless a test says otherwise.
pub(crate) const HERE: Caller = Caller::at(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)));
pub(crate) const SCOPES: &str = "documents:read documents:write";

/// An environment and everything in it. `store` may be wrapped, to fail on demand.
pub(crate) struct Environment<S = MemoryStore> {
    pub(crate) engine: Engine<S>,
    pub(crate) store: MemoryStore,
    pub(crate) clock: Arc<FixedClock>,
}

impl Environment {
    /// An environment with one signing key and no clients.
    pub(crate) fn new() -> Self {
        let store = MemoryStore::default();
        store.add_key(keys::ours());
        Self::over(store, Config::single(ISSUER))
    }

    /// An environment with this store and these settings.
    pub(crate) fn over(store: MemoryStore, config: Config) -> Self {
        let clock = Arc::new(FixedClock::at(Timestamp::from_micros(1_793_000_000_250_000)));
        let engine = Engine::new(config, Arc::new(keys::ring()), store.clone(), clock.clone());
        Self { engine, store, clock }
    }

    /// The same data behind an engine with other settings, such as a neighbour on the same keys.
    pub(crate) fn with_config(&self, config: Config) -> Self {
        let engine = Engine::new(config, Arc::new(keys::ring()), self.store.clone(), self.clock.clone());
        Self { engine, store: self.store.clone(), clock: self.clock.clone() }
    }

    /// The same data behind a store that may fail, with an empty keyring, as after a start.
    pub(crate) fn behind<S: Store>(&self, store: S) -> Environment<S> {
        self.behind_with(store, Config::single(ISSUER))
    }

    /// As [`behind`](Self::behind), with pages.
    pub(crate) fn interactively_behind<S: Store>(&self, store: S) -> Environment<S> {
        self.behind_with(store, Config { interactive: true, ..Config::single(ISSUER) })
    }

    fn behind_with<S: Store>(&self, store: S, config: Config) -> Environment<S> {
        let engine = Engine::new(config, Arc::new(keys::ring()), store, self.clock.clone());
        Environment { engine, store: self.store.clone(), clock: self.clock.clone() }
    }
}

impl<S: Store> Environment<S> {
    /// Registers a confidential client with a grant for all scopes of [`API`], after `change` had its way with it.
    pub(crate) fn client(&self, change: impl FnOnce(&mut Machine)) -> Registered {
        let secret = secret::generate(SecretKind::ClientSecret).unwrap().expose().to_owned();
        let client = Client {
            client_id: secret::identifier().unwrap(),
            client_type: ClientType::Confidential,
            secret_hash: Some(SecretHash::of(&secret)),
            grant_types: vec![GrantType::ClientCredentials],
            token_format: TokenFormat::Jwt,
            access_token_ttl: None,
            jwks: None,
            jwks_uri: None,
            id_token_claims: false,
            active: true,
            generation: 0,
            previous_secret: None,
            ownership: None,
        };
        let user = Subject {
            id: Id::new(self.clock.now(), secret::random_bytes().unwrap()),
            active: true,
            generation: 0,
            roles: vec!["clerk".to_owned()],
            permissions: vec!["documents:read".to_owned(), "documents:update".to_owned()],
        };
        let machine = Machine { client, user: Some(user), grants: vec![grant(API, SCOPES, None)], primary_kid: None };
        let mut registered = Registered { machine, secret };
        self.change(&mut registered, change);
        registered
    }

    /// Registers a public client, which has no secret.
    pub(crate) fn public_client(&self) -> Registered {
        self.client(|machine| {
            machine.client.client_type = ClientType::Public;
            machine.client.secret_hash = None;
        })
    }

    /// Changes a client, its user or its grants.
    pub(crate) fn change(&self, registered: &mut Registered, change: impl FnOnce(&mut Machine)) {
        change(&mut registered.machine);
        self.store.put_machine(registered.machine.clone());
    }

    /// Asks for a token with the client's credentials and these parameters.
    pub(crate) async fn token(&self, client: &Registered, parameters: &[(&str, &str)]) -> Result<TokenResponse, Error> {
        let parameters = [&[("grant_type", "client_credentials")], parameters].concat();
        self.engine.token(TokenRequest::parse(&[], client.form(&parameters), HERE)?).await
    }

    /// The text of a token that the client gets when it asks for nothing in particular.
    pub(crate) async fn issued_to(&self, client: &Registered) -> String {
        self.token(client, &[]).await.unwrap().access_token.expose().to_owned()
    }

    pub(crate) async fn introspect(&self, client: &Registered, token: &str) -> Result<Introspection, Error> {
        self.engine.introspect(IntrospectionRequest::parse(&[], client.form(&[("token", token)]))?).await
    }

    pub(crate) async fn is_active(&self, client: &Registered, token: &str) -> bool {
        self.introspect(client, token).await.unwrap().active
    }

    /// Presents the token at the API it was issued for.
    pub(crate) async fn presented(&self, token: &str) -> Option<LiveToken> {
        self.engine.bearer(token, API, HERE).await.ok()
    }

    pub(crate) async fn revoke(&self, client: &Registered, token: &str) -> Result<(), Error> {
        self.engine.revoke(RevocationRequest::parse(&[], client.form(&[("token", token)]))?).await
    }

    /// Puts an opaque token of this client into the store, as a grant that is not tested here would have.
    pub(crate) async fn stored_token(&self, client: &Registered, expires_at: Option<Timestamp>) -> String {
        let token = secret::generate(SecretKind::AccessToken).unwrap();
        let stored = OpaqueToken {
            hash: SecretHash::of(token.expose()),
            client_id: client.id().to_owned(),
            user_id: client.machine.user.as_ref().unwrap().id,
            audience: API.to_owned(),
            scopes: Scopes::parse(SCOPES).unwrap(),
            issued_at: self.clock.now(),
            expires_at,
            client_generation: 0,
            user_generation: 0,
            family_id: None,
            organization_id: None,
        };
        self.store.save_access_token(stored).await.unwrap();
        token.expose().to_owned()
    }
}

/// A client and its secret.
pub(crate) struct Registered {
    pub(crate) machine: Machine,
    pub(crate) secret: String,
}

impl Registered {
    pub(crate) fn id(&self) -> &str {
        &self.machine.client.client_id
    }

    /// These parameters and the client's credentials.
    pub(crate) fn form(&self, parameters: &[(&str, &str)]) -> Parameters {
        let secret = self.machine.client.secret_hash.is_some().then_some(("client_secret", self.secret.as_str()));
        form(&[&[("client_id", self.id())], secret.as_slice(), parameters].concat())
    }
}

pub(crate) fn form(parameters: &[(&str, &str)]) -> Parameters {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Parameters::from_pairs(parameters.iter().map(owned)).unwrap()
}

pub(crate) fn grant(resource: &str, scopes: &str, allowed_scopes: Option<&str>) -> Grant {
    Grant {
        resource: resource.to_owned(),
        token_ttl: 3_600,
        scopes: Scopes::parse(scopes).unwrap(),
        allowed_scopes: allowed_scopes.map(|names| Scopes::parse(names).unwrap()),
    }
}

pub(crate) fn opaque(machine: &mut Machine) {
    machine.client.token_format = TokenFormat::Opaque;
}

/// Checks that a request was refused with this code, and that the answer is one that RFC 6749 section 5.2 allows.
#[track_caller]
pub(crate) fn assert_refused<T>(result: Result<T, Error>, code: ErrorCode) {
    let Err(error) = result else { panic!("the request was granted, not refused with {code:?}") };
    assert_eq!(error.code, code, "{error}");
    let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    assert!(error.description.bytes().all(allowed), "te_reflect: {}", error.description);
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json, serde_json::json!({ "error": code.as_str(), "error_description": error.description }));
}
