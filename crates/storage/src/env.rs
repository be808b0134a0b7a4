//! The door to tenant data: a database and the environment whose rows may be seen.

use std::{net::IpAddr, sync::Arc};

use paylent_domain::{Timestamp, audit::Context, environment::Environment};
use paylent_oauth::Config;

use crate::{Db, Post, key::Key};

/// An environment and what follows from its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The environment.
    pub environment: Environment,
    /// Its canonical base URL, without a trailing slash: the issuer.
    pub base_url: String,
    /// The engine's settings for it.
    pub oauth: Arc<Config>,
}

impl Tenant {
    /// The identifier of its Management API.
    #[must_use]
    pub fn management_api(&self) -> String {
        format!("{}/api", self.base_url)
    }
}

/// The data of one environment. There is no way to the rows of another.
#[derive(Clone)]
pub struct Env {
    pub(crate) db: Db,
    tenant: Arc<Tenant>,
    pub(crate) post: Option<Arc<dyn Post>>,
    seen_from: Option<Arc<(IpAddr, Option<String>)>>,
}

impl Env {
    /// The data of this environment.
    #[must_use]
    pub fn new(db: Db, tenant: Arc<Tenant>) -> Self {
        Self { db, tenant, post: None, seen_from: None }
    }

    /// The same with somebody who writes the mails that are decided on inside a unit of work. Without one, none go out.
    #[must_use]
    pub fn with_post(self, post: Arc<dyn Post>) -> Self {
        Self { post: Some(post), ..self }
    }

    /// The same for a request from this address, of this `User-Agent`: the trail tells them of what the engine does, too.
    #[must_use]
    pub fn seen_from(self, ip: IpAddr, user_agent: Option<String>) -> Self {
        Self { seen_from: Some(Arc::new((ip, user_agent))), ..self }
    }

    /// What the engine does at this moment, from where the request came.
    pub(crate) fn context(&self, at: Timestamp) -> Context {
        let (ip, user_agent) = self.seen_from.as_deref().cloned().unzip();
        Context { ip, user_agent: user_agent.flatten(), ..Context::system(at) }
    }

    /// Whose data it is.
    #[must_use]
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    pub(crate) fn key(&self) -> Key {
        self.tenant.environment.id.into()
    }
}
