//! Applications that organizations own, what was connected to them, and tokens that never expire.

use paylent_crypto::secret::{self, SecretHash};
use paylent_domain::{
    Id,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant, Connection, StaticToken},
    organization::Organization,
    scope::Scopes,
    user::User,
};
use paylent_oauth::store::{AuthorizationCode, Kept, NewStaticToken, OpaqueToken, Store as _};
use paylent_storage::{Env, Expected, NewApplication, NewOrganization, NewResourceServer, NewSession};

use super::{by, new_id};

fn hash() -> SecretHash {
    SecretHash::from_bytes(secret::random_bytes().expect("the system has randomness"))
}

/// An application that people connect, of an organization and for an API of its own, with the permissions `invoices:read`
/// and `invoices:write`.
///
/// # Panics
/// The database is unavailable.
pub async fn application(env: &Env) -> Application {
    let name = secret::identifier().expect("the system has randomness");
    let owner = NewOrganization { id: new_id(), name: format!("Owner {name}"), slug: None };
    let owner = env.create_organization(owner, &by()).await.expect("an organization is made");
    let permissions = Scopes::stored("invoices:read invoices:write");
    let api = NewResourceServer {
        id: new_id(),
        name: "Invoices".to_owned(),
        identifier: format!("https://{name}.example"),
        token_ttl: 3_600,
        allow_offline_access: true,
        scopes: permissions.clone(),
    };
    let api = env.create_resource_server(api, &by()).await.expect("a resource server is made");
    let new = NewApplication {
        id: new_id(),
        client_id: name,
        secret_hash: hash(),
        organization_id: owner.id,
        resource_server_id: api.id,
        name: "Ledger".to_owned(),
        grant_type: ApplicationGrant::AuthorizationCode,
        redirect_uri: Some("https://app.example/cb".to_owned()),
        ip_allow_list: AllowList::default(),
        ip_allow_list_mode: AllowListMode::Enforce,
        permissions,
        notification_emails: Vec::new(),
        service_user: None,
    };
    env.create_application(new, &by()).await.expect("an application is made")
}

/// Lets an application do everything for this person in this organization, or for all of it.
///
/// # Panics
/// The database is unavailable.
pub async fn connection(
    env: &Env,
    application: &Application,
    user_id: Id<User>,
    organization_id: Id<Organization>,
    for_organization: bool,
) -> Id<Connection> {
    let session = NewSession { id: new_id(), user_id, token_hash: hash(), ip: None, user_agent: None };
    let session = env.create_session(session, &by()).await.expect("a session begins");
    let (now, scopes) = (by().at, application.permissions.clone());
    let code = AuthorizationCode {
        hash: hash(),
        request_id: secret::identifier().expect("the system has randomness"),
        client_id: application.client_id.clone(),
        user_id,
        session_id: session.id,
        redirect_uri: "https://app.example/cb".to_owned(),
        redirect_uri_sent: true,
        audience: "https://api.example".to_owned(),
        scopes: scopes.clone(),
        nonce: None,
        code_challenge: None,
        auth_time: now,
        amr: Vec::new(),
        id_token_claims: Vec::new(),
        organization_id: Some(organization_id),
        for_organization,
        issued_at: now,
        expires_at: now.plus_seconds(60),
        client_generation: 0,
        user_generation: 0,
    };
    let saved = code.hash;
    assert!(env.save_code(code, Some(scopes)).await.expect("a code is saved"), "its request is new");
    let code = env.code(&saved).await.expect("a code is read").expect("the code is there");
    env.delete_session(session.id, &Expected::Any, &by()).await.expect("the session ends; the connection stays");
    code.connection.expect("the code has a connection").id
}

/// A static token of an application for client credentials, with all that it has permission for, about to be kept.
///
/// # Panics
/// The database is unavailable, or it is no such application.
pub async fn new_static_token(env: &Env, application: &Application) -> NewStaticToken {
    let machine = env.machine(&application.client_id).await.expect("it is read").expect("the client is there");
    let user = machine.user.expect("a machine acts for a user");
    let token = OpaqueToken {
        hash: hash(),
        client_id: application.client_id.clone(),
        user_id: user.id,
        audience: "https://api.example".to_owned(),
        scopes: application.permissions.clone(),
        issued_at: by().at,
        expires_at: None,
        client_generation: 0,
        user_generation: user.generation,
        family_id: None,
        organization_id: None,
    };
    NewStaticToken { id: new_id(), prefix: "pay_at_x8Kq2L".to_owned(), token }
}

/// Issues a static token to an application for client credentials.
///
/// # Panics
/// The database is unavailable, or it is no such application.
pub async fn static_token(env: &Env, application: Id<Application>) -> Id<StaticToken> {
    let application = env.application_by_id(application).await.expect("it is read").expect("the application is there");
    let new = new_static_token(env, &application).await;
    let id = new.id;
    assert_eq!(env.save_static_token(new).await.expect("a token is saved"), Kept::Done);
    id
}
