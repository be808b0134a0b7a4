//! For which organization a person acts: the one that the request names, the one they choose, or none.

use paylent_domain::{Id, client::OrganizationUsage, organization::Organization};
use serde::{Deserialize, Serialize};

use super::{AuthorizeError, SignedIn, flow::Flow};
use crate::{
    Engine,
    error::{Error, ErrorCode},
    store::{Belonging, Store},
};

/// Tells neither whether the organization exists nor who belongs to it.
const NOT_THEIRS: Error =
    Error::new(ErrorCode::AccessDenied, "The person cannot act for the organization that the request needs.");
const CHOICE_REQUIRED: Error =
    Error::new(ErrorCode::InteractionRequired, "The person has to choose an organization first.");

/// What a person chose, as the handle keeps it. It is theirs alone: somebody else who goes on with the request chooses
/// for themselves.
#[derive(Serialize, Deserialize)]
pub(super) struct Chosen {
    user: String,
    /// An organization's id; none to act for oneself.
    organization: Option<String>,
}

/// The answer to the question, or the question.
pub(super) enum ActingFor {
    Organization(Option<Id<Organization>>),
    Undecided(Vec<Belonging>),
}

impl Chosen {
    pub(super) fn by(session: &SignedIn, organization: Option<String>) -> Self {
        Self { user: session.user_id.to_string(), organization }
    }
}

impl<S: Store> Engine<S> {
    pub(super) async fn acting_for(&self, flow: &Flow<'_>, session: &SignedIn) -> Result<ActingFor, AuthorizeError> {
        let usage = flow.ask.application.organization_usage;
        if flow.ask.organization.is_none() && usage == OrganizationUsage::None {
            return Ok(ActingFor::Organization(None));
        }
        let theirs = self.store.belongings(session.user_id).await.map_err(Error::from)?;
        if let Some(named) = &flow.ask.organization {
            let named = theirs.iter().find(|belonging| belonging.is_called(named)).ok_or(NOT_THEIRS)?;
            return Ok(ActingFor::Organization(Some(named.id)));
        }
        let chosen = flow.pending.organization.as_ref().filter(|chosen| chosen.user == session.user_id.to_string());
        let chosen = chosen.map(|chosen| chosen.organization.as_deref());
        let decided = match (usage, &theirs[..], chosen) {
            (OrganizationUsage::Required, [], _) => return Err(NOT_THEIRS.into()),
            (OrganizationUsage::Required, [only], _) => Some(Some(only.id)),
            (_, [], _) | (OrganizationUsage::Optional, _, Some(None)) => Some(None),
            (_, theirs, Some(Some(id))) => theirs.iter().find(|one| one.id.to_string() == id).map(|one| Some(one.id)),
            _ => None,
        };
        match decided {
            Some(organization) => Ok(ActingFor::Organization(organization)),
            None if flow.ask.prompt.none => Err(CHOICE_REQUIRED.into()),
            None => Ok(ActingFor::Undecided(theirs)),
        }
    }
}

impl Belonging {
    fn is_called(&self, name: &str) -> bool {
        let is_slug = self.slug.as_ref().is_some_and(|slug| slug.as_str() == name);
        is_slug || name.parse().is_ok_and(|id: Id<Organization>| id == self.id)
    }
}
