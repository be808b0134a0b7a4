//! Applications of organizations, and the addresses they call from.

use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{
    Id,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant},
    organization::Organization,
};
use paylent_storage::{NewApplication, NewOrganization};

use super::{
    browser::{Browser, CALLBACK},
    oauth::Registered,
    *,
};

/// An address that the application of a test lists.
pub const LISTED: &str = "127.0.0.7";
/// One that it does not.
pub const FOREIGN: &str = "127.0.0.66";
/// Whom it tells.
pub const OPS: &str = "ops@app.example";

/// What [`Tenant::owned`] makes.
pub struct Owned {
    pub id: Id<Application>,
    pub organization: Id<Organization>,
    /// As a client.
    pub client: Registered,
}

impl Tenant {
    /// An organization of this name.
    pub async fn company(&self, name: &str) -> Id<Organization> {
        let new = NewOrganization { id: seed::new_id(), name: name.to_owned(), slug: None };
        self.seeded.env.create_organization(new, &seed::by()).await.unwrap().id
    }

    /// An application of an organization of its own: for client credentials, from [`LISTED`] alone, with some permissions
    /// of the Management API, unless `change` makes something else of it.
    pub async fn owned(&self, change: impl FnOnce(&mut NewApplication)) -> Owned {
        let (id, user) = (seed::new_id(), seed::new_id());
        let secret = secret::generate(SecretKind::ClientSecret).unwrap();
        let permissions = ["organizations:read", "memberships:read", "memberships:write", "memberships:delete"];
        let mut new = NewApplication {
            id,
            client_id: secret::identifier().unwrap(),
            secret_hash: SecretHash::of(secret.expose()),
            organization_id: self.company(&format!("Company {id}")).await,
            resource_server_id: self.system_api().await,
            name: "Ledger".to_owned(),
            grant_type: ApplicationGrant::ClientCredentials,
            redirect_uri: None,
            ip_allow_list: AllowList::parse([LISTED]).unwrap(),
            ip_allow_list_mode: AllowListMode::Enforce,
            permissions: permissions.map(str::to_owned).into_iter().collect(),
            notification_emails: vec![OPS.parse().unwrap()],
            service_user: Some(user),
        };
        change(&mut new);
        let (client_id, organization) = (new.client_id.clone(), new.organization_id);
        self.seeded.env.create_application(new, &seed::by()).await.unwrap();
        let credentials = (client_id, secret.expose().to_owned());
        Owned { id, organization, client: Registered { id: Id::from_bytes(*id.as_bytes()), user, credentials } }
    }

    /// An application that people connect.
    pub async fn connectable(&self, change: impl FnOnce(&mut NewApplication)) -> Owned {
        let for_people = |new: &mut NewApplication| {
            new.grant_type = ApplicationGrant::AuthorizationCode;
            new.redirect_uri = Some(CALLBACK.to_owned());
            new.service_user = None;
            change(new);
        };
        self.owned(for_people).await
    }
}

impl TestServer {
    /// A static token, asked for from here.
    pub async fn static_token(&self, application: &Owned) -> String {
        let reply = self.ask(&self.acme, &application.client.credentials, &[]).await.is(200);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// The status of the answer that the Management API gives to this token.
    pub async fn calls_with(&self, token: &str) -> u16 {
        self.bearer(&self.acme, token).get("organizations").await.status
    }

    /// Asks what a token is worth where it was used from this address.
    pub async fn introspect_from(&self, client: &(String, String), token: &str, ip: &str) -> Reply {
        self.oauth(&self.acme, "/oauth/introspect", client, &[("token", token), ("client_ip", ip)]).await
    }
}

impl Browser<'_> {
    /// A code of a person who connects an application of an organization, with what the API offers.
    pub async fn agrees_to(&self, application: &Owned) -> String {
        let api = self.tenant.api();
        self.code_for(&application.client, &[("scope", "openid organizations:read"), ("resource", &api)]).await
    }
}

/// How many tokens were taken from applications, how many refusals of a secret there were, how many uses were only seen,
/// and how many mails wait.
pub async fn consequences(database: &TestDatabase) -> [usize; 4] {
    let mut counts = [0; 4];
    for (count, action) in counts.iter_mut().zip(["token_revoked", "address_refused", "address_observed"]) {
        *count = database.count(&format!("audit_events WHERE action = 'application.{action}'")).await;
    }
    counts[3] = database.count("mails").await;
    counts
}
