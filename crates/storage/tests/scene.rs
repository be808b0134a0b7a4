//! Applications that organizations own, and what people who connect them are given.

use paylent_domain::{
    Id,
    allow_list::AllowListMode,
    application::{Application, ApplicationGrant, Connection},
    organization::Organization,
    scope::Scopes,
    user::User,
};
use paylent_oauth::{
    Store as _,
    crypto::secret::{SecretHash, identifier, random_bytes},
    store::{AuthorizationCode, Exchange, Exchanged, Family, Kept, NewStaticToken, OpaqueToken},
};
use paylent_storage::{ConnectionFilter, Env, NewApplication, NewResourceServer};
use paylent_tests::{
    TestDatabase,
    seed::{self, by, new_id},
};

use crate::common::{ALL, environment, member, organization, person, resource_server, session, token};

pub(crate) const READ: &str = "documents:read";
pub(crate) const BOTH: &str = "documents:read documents:write";

/// An environment with an organization that owns an application, and one whose people connect it.
pub(crate) struct Scene {
    pub(crate) env: Env,
    pub(crate) application: Application,
    pub(crate) works: Id<Organization>,
    pub(crate) jane: Id<User>,
    pub(crate) joe: Id<User>,
}

pub(crate) async fn application(env: &Env, owner: &str, grant_type: ApplicationGrant) -> Application {
    let api = format!("https://{}.example.com", identifier().unwrap());
    let server = NewResourceServer { allow_offline_access: true, ..resource_server(&api) };
    let server = env.create_resource_server(server, &by()).await.unwrap();
    let is_machine = grant_type == ApplicationGrant::ClientCredentials;
    let new = NewApplication {
        id: new_id(),
        client_id: identifier().unwrap(),
        secret_hash: SecretHash::from_bytes(random_bytes().unwrap()),
        organization_id: organization(env, owner).await,
        resource_server_id: server.id,
        name: "Ledger".to_owned(),
        grant_type,
        redirect_uri: (!is_machine).then(|| "https://app.example/cb".to_owned()),
        ip_allow_list: if is_machine { "203.0.113.5".parse().unwrap() } else { "".parse().unwrap() },
        ip_allow_list_mode: AllowListMode::Enforce,
        permissions: Scopes::stored(BOTH),
        notification_emails: Vec::new(),
        service_user: is_machine.then(new_id),
    };
    env.create_application(new, &by()).await.unwrap()
}

impl Scene {
    pub(crate) async fn set(env: Env) -> Self {
        let application = application(&env, "Bakery", ApplicationGrant::AuthorizationCode).await;
        let works = organization(&env, "Works").await;
        let (jane, joe) = (person(&env, "jane@example.com").await, person(&env, "joe@example.com").await);
        for user in [jane, joe] {
            member(&env, user, works).await;
        }
        Self { env, application, works, jane, joe }
    }

    /// A code with these scopes, for somebody who is signed in.
    pub(crate) async fn code(&self, user: Id<User>, scope: &str) -> AuthorizationCode {
        let session = self.env.create_session(session(user), &by()).await.unwrap();
        let now = by().at;
        AuthorizationCode {
            hash: SecretHash::from_bytes(random_bytes().unwrap()),
            request_id: identifier().unwrap(),
            client_id: self.application.client_id.clone(),
            user_id: user,
            session_id: session.id,
            redirect_uri: "https://app.example/cb".to_owned(),
            redirect_uri_sent: true,
            audience: "https://api.example.com".to_owned(),
            scopes: Scopes::stored(scope),
            nonce: None,
            code_challenge: None,
            auth_time: now,
            amr: Vec::new(),
            id_token_claims: Vec::new(),
            organization_id: Some(self.works),
            for_organization: false,
            issued_at: now,
            expires_at: now.plus_seconds(60),
            client_generation: 0,
            user_generation: 0,
        }
    }

    /// The connection that somebody makes or changes by agreeing to these scopes, and the code that they get.
    pub(crate) async fn connect(
        &self,
        user: Id<User>,
        for_organization: bool,
        scope: &str,
    ) -> (Connection, AuthorizationCode) {
        let code = AuthorizationCode { for_organization, ..self.code(user, scope).await };
        assert!(self.env.save_code(code.clone(), Some(Scopes::stored(scope))).await.unwrap());
        let id = self.env.code(&code.hash).await.unwrap().unwrap().connection.unwrap().id;
        (self.env.application_connection(id).await.unwrap().unwrap(), code)
    }

    /// The access token for a code.
    pub(crate) async fn exchange(&self, code: &AuthorizationCode) -> SecretHash {
        let family = Family {
            id: new_id(),
            client_id: code.client_id.clone(),
            user_id: code.user_id,
            session_id: code.session_id,
            audience: code.audience.clone(),
            scopes: code.scopes.clone(),
            auth_time: code.auth_time,
            amr: Vec::new(),
            id_token_claims: Vec::new(),
            organization_id: code.organization_id,
            created_at: code.issued_at,
            client_generation: 0,
            user_generation: 0,
        };
        let token = OpaqueToken {
            family_id: Some(family.id),
            organization_id: code.organization_id,
            ..token(&code.client_id, code.user_id)
        };
        let hash = token.hash;
        let exchange = Exchange { code: code.hash, family, refresh: None, access: Some(token) };
        assert_eq!(self.env.exchange(exchange).await.unwrap(), Exchanged::Done);
        hash
    }

    pub(crate) async fn listed(&self, filter: ConnectionFilter) -> Vec<Id<Connection>> {
        let listed = self.env.application_connections(filter, ALL).await.unwrap();
        listed.rows.into_iter().map(|connection| connection.id).collect()
    }
}

/// The actions of the trail of an environment that begin like this, with their actors and changes.
pub(crate) async fn trail(database: &TestDatabase, env: &Env, beginning: &str) -> Vec<String> {
    let mine = environment(database, env);
    let events = format!(
        "SELECT action || ' ' || COALESCE(actor_id, '') || ' ' || changes FROM audit_events \
         WHERE environment_id = {mine} AND action LIKE '{beginning}%' ORDER BY id"
    );
    database.values(&events).await
}

/// Keeps a static token of an application.
pub(crate) async fn static_token(env: &Env, application: &Application) -> NewStaticToken {
    let new = seed::new_static_token(env, application).await;
    assert_eq!(env.save_static_token(new.clone()).await.unwrap(), Kept::Done);
    new
}
