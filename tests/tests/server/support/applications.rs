//! Applications of organizations: who manages and connects them, and the addresses they call from.

use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{
    Id,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant},
    organization::Organization,
    resource_server::ResourceServer,
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
/// The right that makes a company-wide admin.
pub const ADMIN: &[&str] = &["applications:update"];
/// The permissions of the API that the applications of these tests are for, unless it is the Management API.
pub const INVOICES: &[&str] = &["invoices:read", "invoices:write"];
/// What a person lets an application for the Management API do.
pub const AGREED: &[(&str, &str)] = &[("scope", "openid organizations:read")];
/// Whom it tells.
pub const OPS: &str = "ops@app.example";

/// An application and who owns it.
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

    /// An application of this organization for this API, which people connect and use from anywhere, unless `change` makes
    /// something else of it.
    pub async fn application(
        &self,
        organization: &str,
        server: Id<ResourceServer>,
        change: impl FnOnce(&mut NewApplication),
    ) -> Owned {
        let secret = secret::generate(SecretKind::ClientSecret).unwrap();
        let mut new = NewApplication {
            id: seed::new_id(),
            client_id: secret::identifier().unwrap(),
            secret_hash: SecretHash::of(secret.expose()),
            organization_id: organization.parse().unwrap(),
            resource_server_id: server,
            name: "Ledger Robot".to_owned(),
            grant_type: ApplicationGrant::AuthorizationCode,
            redirect_uri: Some(CALLBACK.to_owned()),
            ip_allow_list: AllowList::default(),
            ip_allow_list_mode: AllowListMode::Enforce,
            permissions: INVOICES.iter().map(|name| (*name).to_owned()).collect(),
            notification_emails: Vec::new(),
            service_user: None,
        };
        change(&mut new);
        let user = new.service_user.unwrap_or_else(seed::new_id);
        let made = self.seeded.env.create_application(new, &seed::by()).await.unwrap();
        let credentials = (made.client_id, secret.expose().to_owned());
        let client = Registered { id: made.id.cast(), user, credentials };
        Owned { id: made.id, organization: made.organization_id, client }
    }

    /// An application of an organization of its own: for client credentials, from [`LISTED`] alone, with some permissions
    /// of the Management API, unless `change` makes something else of it.
    pub async fn owned(&self, change: impl FnOnce(&mut NewApplication)) -> Owned {
        let for_credentials = |new: &mut NewApplication| {
            for_credentials(new);
            change(new);
        };
        self.connectable(for_credentials).await
    }

    /// The same for people who connect it.
    pub async fn connectable(&self, change: impl FnOnce(&mut NewApplication)) -> Owned {
        let company = self.company(&format!("Company {}", nobody())).await.to_string();
        let permissions = ["organizations:read", "memberships:read", "memberships:write", "memberships:delete"];
        let bound = |new: &mut NewApplication| {
            new.name = "Ledger".to_owned();
            new.ip_allow_list = AllowList::parse([LISTED]).unwrap();
            new.permissions = permissions.map(str::to_owned).into_iter().collect();
            new.notification_emails = vec![OPS.parse().unwrap()];
            change(new);
        };
        self.application(&company, self.system_api().await, bound).await
    }
}

/// Makes it an application for client credentials.
pub fn for_credentials(new: &mut NewApplication) {
    new.grant_type = ApplicationGrant::ClientCredentials;
    new.redirect_uri = None;
    new.service_user = Some(seed::new_id());
}

/// The same, which is used from here.
pub fn for_credentials_here(new: &mut NewApplication) {
    for_credentials(new);
    new.ip_allow_list = "127.0.0.1".parse().unwrap();
}

impl Caller<'_> {
    /// Makes a person a member of an organization, with a role of exactly these permissions; says the role's assignment.
    pub async fn joins(&self, user: &str, organization: &str, permissions: &[&str]) -> String {
        let membership = self.member(user, organization).await;
        let role = self.tenant.role(&format!("role of {user} in {organization}"), permissions).await;
        self.give_there(&membership, &role).await
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
    /// The consent page for an application, as somebody who is signed in and acts for this organization.
    pub async fn asked_for(&self, application: &Registered, organization: &str) -> Reply {
        self.authorize(application, &everything_for(organization)).await
    }

    /// Connects an application for an organization, and gets tokens.
    pub async fn connect(&self, application: &Registered, organization: &str) -> Value {
        let code = self.code_for(application, &everything_for(organization)).await;
        self.redeem(application, &code).await.is(200).json()
    }
}

/// What asks for all that an application may have, as somebody who acts for this organization.
const fn everything_for(organization: &str) -> [(&str, &str); 2] {
    [("scope", ""), ("organization", organization)]
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

/// What introspection tells the application of a token.
pub async fn introspected(browser: &Browser<'_>, application: &Registered, token: &Value) -> Value {
    let form = [("token", token.as_str().unwrap())];
    Reply::of(browser.ask(application, "/oauth/introspect", &form)).await.is(200).json()
}

/// Where an application of an organization is shown.
pub fn path_of(organization: &str, application: &Registered) -> String {
    format!("/organizations/{organization}/applications/{}", application.id)
}

/// The settings of a form, as they are when nobody changes anything.
pub fn settings<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("name", "Ledger Robot"),
        ("redirect_uri", CALLBACK),
        ("ip_allow_list", ""),
        ("ip_allow_list_mode", "enforce"),
        ("notification_emails", ""),
    ];
    let kept = usual.into_iter().filter(|(name, _)| change.iter().all(|(changed, _)| changed != name));
    kept.chain(change.iter().copied()).collect()
}
