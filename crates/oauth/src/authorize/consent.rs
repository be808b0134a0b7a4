//! What a person is asked to agree to, and what they agreed to.

use paylent_domain::{client::ClientType, scope::Scopes};

use super::{AskedScope, PageError, ask::Ask, flow::Granting};
use crate::{
    Engine,
    error::Error,
    oidc,
    store::{Consenting, Store},
};

/// Whether the person's earlier consents to this client are remembered. Anybody can pose as a public client, so its are
/// not (RFC 8252 section 8.6); nobody is asked about a first-party client.
fn is_remembered(ask: &Ask) -> bool {
    ask.application.client.client_type == ClientType::Confidential && !ask.application.first_party
}

/// What was agreed to before: what one consent covers needs no other, and what two cover together is one's to remember.
#[derive(Default)]
pub(super) struct Remembered {
    /// What the person's answer replaces: their own, or what is so for all of the organization that they connect.
    own: Option<Scopes>,
    /// What others agreed to for all of the organization that the person acts for.
    for_all: Option<Scopes>,
}

impl Remembered {
    fn each(&self) -> impl Iterator<Item = &Scopes> {
        self.own.iter().chain(&self.for_all)
    }

    fn cover(&self, scopes: &Scopes) -> bool {
        self.each().any(|known| scopes.is_subset(known))
    }
}

impl<S: Store> Engine<S> {
    /// What the person agreed to before, or others did for them.
    pub(super) async fn remembered(&self, ask: &Ask, granting: &Granting<'_>) -> Result<Remembered, Error> {
        if !is_remembered(ask) {
            return Ok(Remembered::default());
        }
        let own = Consenting {
            user_id: granting.session.user_id,
            client_id: &ask.application.client.client_id,
            audience: &ask.audience,
            organization_id: granting.organization,
            for_organization: granting.for_organization,
        };
        let is_one_of_many = granting.organization.is_some() && !granting.for_organization;
        let for_all = match ask.application.client.ownership.is_some() && is_one_of_many {
            true => self.store.consent(Consenting { for_organization: true, ..own }).await?,
            false => None,
        };
        Ok(Remembered { own: self.store.consent(own).await?, for_all })
    }
}

/// Whether the person must be asked.
pub(super) fn is_needed(ask: &Ask, remembered: &Remembered) -> bool {
    let covered = ask.application.first_party || remembered.cover(&ask.scopes);
    ask.prompt.consent || !covered
}

/// The scopes as the consent page shows them: OpenID Connect's first.
pub(super) fn asked(ask: &Ask, remembered: &Remembered) -> Vec<AskedScope> {
    let is_new = |name: &str| !remembered.each().any(|known| known.contains(name));
    let describe = |name: &str| {
        let servers = ask.application.resource.iter().flat_map(|server| &server.scopes);
        let own = servers.into_iter().find(|scope| scope.name == name).and_then(|scope| scope.description.clone());
        oidc::description(name).map(str::to_owned).or(own)
    };
    let (ours, theirs): (Vec<&str>, Vec<&str>) = ask.scopes.iter().partition(|name| oidc::OIDC_SCOPES.contains(name));
    let mut ours = ours;
    ours.sort_by_key(|name| oidc::OIDC_SCOPES.iter().position(|known| known == name));
    let scope = |name: &str| AskedScope {
        name: name.to_owned(),
        description: describe(name),
        optional: is_optional(name),
        new: is_new(name),
    };
    ours.into_iter().chain(theirs).map(scope).collect()
}

/// Without `openid` there is nothing to sign in to; everything else the person may leave out.
fn is_optional(name: &str) -> bool {
    name != "openid"
}

/// What is granted when the person ticked these scopes.
pub(super) fn granted(ask: &Ask, ticked: &Scopes) -> Result<Scopes, PageError> {
    match ticked.is_subset(&ask.scopes) {
        true => Ok(ask
            .scopes
            .iter()
            .filter(|name| !is_optional(name) || ticked.contains(name))
            .map(str::to_owned)
            .collect()),
        false => Err(PageError::ScopeNotAsked),
    }
}

/// The scopes whose answers are remembered after the person decided.
pub(super) fn to_remember(ask: &Ask) -> Option<Scopes> {
    is_remembered(ask).then(|| ask.scopes.clone())
}
