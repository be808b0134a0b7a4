//! People at browsers, and the applications they use.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{jwk::JwkSet, jws::RS256, jwt};
use paylent_domain::{
    Clock, Id, Timestamp,
    allow_list::{AllowList, AllowListMode},
    client::{ClientType, GrantType, OrganizationUsage, TokenFormat},
    scope::Scopes,
    session::Session,
};
use paylent_oauth::{
    AuthorizationRequest, AuthorizeError, Browser, Config, Decision, Error, ErrorCode, MemoryStore, PageError, Return,
    SignedIn, Step, Store, TokenRequest, TokenResponse,
    crypto::secret::{self, SecretHash, SecretKind, fingerprint},
    store::{Application, Client, DescribedScope, Ownership, Profile, ResourceServer, Subject},
};
use serde_json::Value;

use super::{API, Environment, HERE, ISSUER, Registered, form, keys};

pub(crate) const CALLBACK: &str = "https://app.example.com/cb?provider=payt";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const STATE: &str = "state-1";

/// A client that people use, and its secret.
pub(crate) struct App {
    pub(crate) application: Application,
    pub(crate) secret: String,
}

/// Someone with a browser.
pub(crate) struct Person {
    pub(crate) subject: Subject,
    pub(crate) profile: Profile,
    pub(crate) browser: Browser,
}

/// Makes an application one of an organization, with all permissions of its API and no allow list.
pub(crate) fn owned(application: &mut Application) {
    let scopes = application.resource.iter().flat_map(|server| &server.scopes);
    application.client.ownership = Some(Ownership {
        organization_id: Id::from_bytes([9; 16]),
        permissions: scopes.map(|scope| scope.name.clone()).collect(),
        allow_list: AllowList::default(),
        allow_list_mode: AllowListMode::Enforce,
    });
    application.organization = Some("Acme".to_owned());
}

impl Environment {
    /// An environment with pages and one signing key.
    pub(crate) fn interactive() -> Self {
        Self::interactive_with(|_| {})
    }

    /// An environment with pages and other settings.
    pub(crate) fn interactive_with(change: impl FnOnce(&mut Config)) -> Self {
        let store = MemoryStore::default();
        store.add_key(keys::ours());
        let mut config = Config { interactive: true, ..Config::single(ISSUER) };
        change(&mut config);
        Self::over(store, config)
    }

    /// A confidential client with all grants of people, after `change` had its way with it.
    pub(crate) fn app(&self, change: impl FnOnce(&mut Application)) -> App {
        let secret = secret::generate(SecretKind::ClientSecret).unwrap().expose().to_owned();
        let client = Client {
            client_id: secret::identifier().unwrap(),
            client_type: ClientType::Confidential,
            secret_hash: Some(SecretHash::of(&secret)),
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            token_format: TokenFormat::Opaque,
            access_token_ttl: None,
            jwks: None,
            jwks_uri: None,
            id_token_claims: false,
            active: true,
            generation: 0,
            previous_secret: None,
            ownership: None,
        };
        let application = Application {
            client,
            name: "Documents".to_owned(),
            organization: None,
            first_party: false,
            require_pkce: false,
            organization_usage: OrganizationUsage::None,
            redirect_uris: vec![CALLBACK.to_owned()],
            post_logout_redirect_uris: vec!["https://app.example.com/bye?from=payt".to_owned()],
            backchannel_logout_uri: None,
            resource: Some(api()),
        };
        let mut app = App { application, secret };
        self.change_app(&mut app, change);
        app
    }

    pub(crate) fn public_app(&self) -> App {
        self.app(public)
    }

    pub(crate) fn change_app(&self, app: &mut App, change: impl FnOnce(&mut Application)) {
        change(&mut app.application);
        self.store.put_application(app.application.clone());
    }

    /// A person who signed in a minute ago.
    pub(crate) fn person(&self) -> Person {
        let subject = Subject {
            id: Id::new(self.clock.now(), secret::random_bytes().unwrap()),
            active: true,
            generation: 0,
            roles: vec!["clerk".to_owned()],
            permissions: vec!["documents:read".to_owned()],
        };
        let profile = Profile {
            given_name: Some("Zoë".to_owned()),
            family_name: Some("Jansen".to_owned()),
            email: Some("zoe@example.com".to_owned()),
            email_verified: true,
            locale: Some("nl".to_owned()),
            updated_at: Timestamp::from_seconds(1_700_000_000),
        };
        self.store.put_person(subject.clone(), profile.clone());
        let mut person = Person { subject, profile, browser: nobody() };
        self.sign_in(&mut person, -60);
        person
    }

    /// Signs the person in anew, so many seconds from now.
    pub(crate) fn sign_in(&self, person: &mut Person, seconds: i64) {
        let session_id: Id<Session> = Id::new(self.clock.now(), secret::random_bytes().unwrap());
        self.store.put_session(session_id, person.subject.id, self.clock.now().plus_seconds(30 * 86_400));
        person.browser.session = Some(SignedIn {
            session_id,
            user_id: person.subject.id,
            user_generation: person.subject.generation,
            auth_time: self.clock.now().plus_seconds(seconds),
            amr: vec!["pwd".to_owned()],
        });
    }

    pub(crate) fn change_person(&self, person: &mut Person, change: impl FnOnce(&mut Subject)) {
        change(&mut person.subject);
        self.store.put_person(person.subject.clone(), person.profile.clone());
    }
}

impl<S: Store> Environment<S> {
    /// What the browser does with this request.
    pub(crate) async fn authorize(&self, browser: &Browser, request: &[(&str, &str)]) -> Result<Step, AuthorizeError> {
        self.engine.authorize(parse(request), browser).await
    }

    /// The answer that the client gets for its request, changed like this, when the person agrees to everything.
    pub(crate) async fn answer(&self, app: &App, person: &Person, changes: &[(&str, &str)]) -> Return {
        match self.authorize(&person.browser, &app.request(changes)).await.unwrap() {
            Step::Consent(consent) => {
                let all = consent.scopes.iter().map(|scope| scope.name.clone()).collect();
                let decided = self.engine.decide(&consent.handle, &person.browser, Decision::Approve(all)).await;
                returned(decided)
            }
            step => returned(Ok(step)),
        }
    }

    /// The code that the client gets.
    pub(crate) async fn code(&self, app: &App, person: &Person, changes: &[(&str, &str)]) -> String {
        let answer = self.answer(app, person, changes).await;
        parameter(&answer, "code").unwrap_or_else(|| panic!("no code: {:?}", answer.error)).to_owned()
    }

    /// The tokens for a code, when the request is changed like this.
    pub(crate) async fn exchange(
        &self,
        app: &App,
        code: &str,
        changes: &[(&str, &str)],
    ) -> Result<TokenResponse, Error> {
        let request = app.form(&[("grant_type", "authorization_code"), ("code", code)], changes);
        self.engine.token(TokenRequest::parse(&[], request, HERE)?).await
    }

    /// The tokens that the client gets in the end.
    pub(crate) async fn tokens(&self, app: &App, person: &Person, changes: &[(&str, &str)]) -> TokenResponse {
        let code = self.code(app, person, changes).await;
        self.exchange(app, &code, &[]).await.unwrap()
    }

    pub(crate) async fn refresh(
        &self,
        app: &App,
        token: &str,
        changes: &[(&str, &str)],
    ) -> Result<TokenResponse, Error> {
        let request = app.form(&[("grant_type", "refresh_token"), ("refresh_token", token)], changes);
        self.engine.token(TokenRequest::parse(&[], request, HERE)?).await
    }

    /// The claims of a token, verified with the published keys by another implementation.
    pub(crate) async fn claims(&self, token: &str) -> (Value, Value) {
        let published = JwkSet::from_bytes(serde_json::to_vec(&self.engine.jwks().await.unwrap()).unwrap()).unwrap();
        let header = jwt::decode_header(token).unwrap();
        let kid = header.claim("kid").and_then(Value::as_str).unwrap().to_owned();
        let verifier = RS256.verifier_from_jwk(published.get(&kid)[0]).unwrap();
        let (payload, header) = jwt::decode_with_verifier(token, &verifier).unwrap();
        (serde_json::json!(header.claims_set()), serde_json::json!(payload.claims_set()))
    }
}

impl App {
    pub(crate) fn id(&self) -> &str {
        &self.application.client.client_id
    }

    /// A good authorization request, changed like this; an empty value leaves a parameter out.
    pub(crate) fn request<'a>(&'a self, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let good = [
            ("response_type", "code"),
            ("client_id", self.id()),
            ("redirect_uri", self.application.redirect_uris[0].as_str()),
            ("scope", "openid"),
            ("state", STATE),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        changed(&good, changes)
    }

    /// A good token request, changed like this.
    pub(crate) fn form(&self, grant: &[(&str, &str)], changes: &[(&str, &str)]) -> paylent_oauth::Parameters {
        let secret = match self.application.client.secret_hash {
            Some(_) => self.secret.as_str(),
            None => "",
        };
        let (redirect_uri, verifier) = match grant[0].1 {
            "authorization_code" => (self.application.redirect_uris[0].as_str(), VERIFIER),
            _ => ("", ""),
        };
        let own = [
            ("client_id", self.id()),
            ("client_secret", secret),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        form(&changed(&[grant, &own].concat(), changes))
    }

    /// The same client as one that asks about tokens.
    pub(crate) fn registered(&self) -> Registered {
        let client = self.application.client.clone();
        let machine = paylent_oauth::store::Machine { client, user: None, grants: Vec::new(), primary_kid: None };
        Registered { machine, secret: self.secret.clone() }
    }
}

fn changed<'a>(good: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = good.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes).copied().collect()
}

pub(crate) fn public(application: &mut Application) {
    application.client.client_type = ClientType::Public;
    application.client.secret_hash = None;
}

pub(crate) fn first_party(application: &mut Application) {
    application.first_party = true;
}

pub(crate) fn jwt(application: &mut Application) {
    application.client.token_format = TokenFormat::Jwt;
}

/// The API of the tests, with two scopes of which one is described.
pub(crate) fn api() -> ResourceServer {
    let scope = |name: &str, description: Option<&str>| DescribedScope {
        name: name.to_owned(),
        description: description.map(str::to_owned),
    };
    ResourceServer {
        identifier: API.to_owned(),
        token_ttl: 900,
        allow_offline_access: true,
        scopes: vec![scope("documents:read", Some("Read your documents")), scope("documents:write", None)],
    }
}

/// A browser in which nobody is signed in.
fn nobody() -> Browser {
    Browser { id: fingerprint(&secret::random_bytes::<16>().unwrap()), session: None }
}

/// The browser of a person, signed out.
pub(crate) fn nobody_at(person: &Person) -> Browser {
    Browser { session: None, ..person.browser.clone() }
}

/// A request as it comes in the query.
pub(crate) fn parse(request: &[(&str, &str)]) -> AuthorizationRequest {
    AuthorizationRequest::parse(query(request).as_bytes()).unwrap()
}

pub(crate) fn query(request: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let pairs: Vec<String> = request.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

#[track_caller]
pub(crate) fn returned(step: Result<Step, AuthorizeError>) -> Return {
    match step.unwrap() {
        Step::Return(answer) => answer,
        step => panic!("the browser stays: {step:?}"),
    }
}

pub(crate) fn parameter<'a>(answer: &'a Return, name: &str) -> Option<&'a str> {
    answer.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// Checks that the client was told of this error, at its own address, with its own state, and got nothing else.
#[track_caller]
pub(crate) fn assert_told(step: Result<Step, AuthorizeError>, code: ErrorCode) {
    let answer = returned(step);
    let names: Vec<&str> = answer.parameters.iter().map(|(name, _)| *name).collect();
    assert_eq!(parameter(&answer, "error"), Some(code.as_str()), "{answer:?}");
    assert_eq!(parameter(&answer, "iss"), Some(ISSUER));
    assert!(names.iter().all(|name| ["error", "error_description", "state", "iss"].contains(name)), "{names:?}");
    super::assert_refused::<()>(Err(answer.error.unwrap()), code);
}

/// Checks that the browser is sent nowhere.
#[track_caller]
pub(crate) fn assert_page(step: Result<Step, AuthorizeError>, expected: PageError) {
    match step {
        Err(AuthorizeError::Page(page)) => assert_eq!(page, expected),
        other => panic!("no page, but {other:?}"),
    }
}

/// The parameters in the query of a URL, decoded once.
pub(crate) fn query_of(url: &str) -> HashMap<String, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    query.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(n, v)| (decode(n), decode(v))).collect()
}

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(fingerprint(verifier.as_bytes()))
}
