//! Organizations, their applications, and the people who manage and connect them by the pages.

use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{
    allow_list::AllowListMode, application::ApplicationGrant, organization::Organization,
    resource_server::ResourceServer,
};
use paylent_storage::NewApplication;

use super::{
    browser::{Browser, CALLBACK, hidden, parameters},
    oauth::Registered,
    *,
};

/// The right that makes a company-wide admin.
pub const ADMIN: &[&str] = &["applications:update"];
/// The permissions of the API that the applications of these tests are for.
pub const INVOICES: &[&str] = &["invoices:read", "invoices:write"];

impl Caller<'_> {
    /// Makes a person a member of an organization, with a role of exactly these permissions; says the role's assignment.
    pub async fn joins(&self, user: &str, organization: &str, permissions: &[&str]) -> String {
        let membership = self.member(user, organization).await;
        let role = self.tenant.role(&format!("role of {user} in {organization}"), permissions).await;
        self.give_there(&membership, &role).await
    }
}

impl Tenant {
    /// An application of this organization, for authorization code unless `change` makes something else of it.
    pub async fn application_of(
        &self,
        organization: &str,
        server: Id<ResourceServer>,
        change: impl FnOnce(&mut NewApplication),
    ) -> Registered {
        let organization: Id<Organization> = organization.parse().unwrap();
        let secret = secret::generate(SecretKind::ClientSecret).unwrap();
        let mut new = NewApplication {
            id: seed::new_id(),
            client_id: secret::identifier().unwrap(),
            secret_hash: SecretHash::of(secret.expose()),
            organization_id: organization,
            resource_server_id: server,
            name: "Ledger Robot".to_owned(),
            grant_type: ApplicationGrant::AuthorizationCode,
            redirect_uri: Some(CALLBACK.to_owned()),
            ip_allow_list: paylent_domain::allow_list::AllowList::default(),
            ip_allow_list_mode: AllowListMode::Enforce,
            permissions: INVOICES.iter().map(|name| (*name).to_owned()).collect(),
            notification_emails: Vec::new(),
            service_user: None,
        };
        change(&mut new);
        let made = self.seeded.env.create_application(new, &seed::by()).await.unwrap();
        let user = seed::new_id();
        Registered { id: made.id.cast(), user, credentials: (made.client_id, secret.expose().to_owned()) }
    }
}

impl Browser<'_> {
    /// Posts a form of the page at this path, with what the page hides in it and with what is said here.
    pub async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Reply {
        let shown = self.get(page).await.is(200);
        self.submit_from(&shown, action, fields).await
    }

    /// The same from a page that is open.
    pub async fn submit_from(&self, shown: &Reply, action: &str, fields: &[(&str, &str)]) -> Reply {
        let mut form: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        for name in ["csrf", "made", "version"] {
            if shown.text.contains(&format!("name=\"{name}\"")) {
                form.push((name, hidden(shown, name)));
            }
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(action, &form).await
    }

    /// The consent page for an application, as somebody who is signed in and acts for this organization.
    pub async fn asked_for(&self, application: &Registered, organization: &str) -> Reply {
        self.authorize(application, &[("scope", ""), ("organization", organization)]).await
    }

    /// Connects an application for an organization, and gets tokens.
    pub async fn connect(&self, application: &Registered, organization: &str) -> Value {
        let mut reply = self.asked_for(application, organization).await;
        if reply.status == 200 {
            reply = self.decide(&reply, "allow").await;
        }
        let code = parameters(&reply)["code"].clone();
        self.redeem(application, &code).await.is(200).json()
    }
}

/// The text of the element with this id.
pub fn element(page: &Reply, id: &str) -> String {
    let start = format!("id=\"{id}\">");
    let rest = page.text.split_once(&start).unwrap_or_else(|| panic!("no {id}: {}", page.text)).1;
    rest.split('<').next().unwrap().to_owned()
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
