//! What the operator is told about a new account: for scripts as JSON, for people as text.

use std::fmt::Write as _;

use paylent_storage::Directory;
use serde::Serialize;

use super::{Arguments, account::Planned};

#[derive(Serialize)]
pub(super) struct Report {
    account: String,
    admin: Admin,
    dashboard_url: String,
    environments: Vec<Environment>,
}

#[derive(Serialize)]
struct Admin {
    email: String,
}

#[derive(Serialize)]
struct Environment {
    handle: String,
    issuer: String,
    management_api: String,
    client_id: String,
    client_secret: String,
}

impl Report {
    pub(super) fn new(planned: &Planned, arguments: &Arguments, directory: &Directory) -> Self {
        let environments = planned.machines.iter().map(|machine| {
            let tenant = directory.describe(machine.environment.clone());
            Environment {
                handle: machine.environment.handle.to_string(),
                management_api: tenant.management_api(),
                issuer: tenant.base_url,
                client_id: machine.client_id.clone(),
                client_secret: machine.client_secret.expose().to_owned(),
            }
        });
        Self {
            account: arguments.account.to_string(),
            admin: Admin { email: arguments.admin_email.as_str().to_owned() },
            dashboard_url: directory.hosts().dashboard(),
            environments: environments.collect(),
        }
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "The account {} is ready.\n\n  Dashboard  {}\n  Admin      {}\n",
            self.account, self.dashboard_url, self.admin.email
        );
        for environment in &self.environments {
            let Environment { handle, issuer, management_api, client_id, client_secret } = environment;
            let _ = write!(
                text,
                "\nEnvironment {handle}\n  Issuer          {issuer}\n  Management API  {management_api}\n  \
                 Client id       {client_id}\n  Client secret   {client_secret}\n"
            );
        }
        if let Some(Environment { issuer, management_api, client_id, client_secret, .. }) = self.environments.first() {
            let _ = write!(
                text,
                "\nThe secrets are shown this once. Get a token with:\n\n  curl -u '{client_id}:{client_secret}' \
                 -d grant_type=client_credentials -d resource={management_api} {issuer}/oauth/token\n"
            );
        }
        text
    }
}
