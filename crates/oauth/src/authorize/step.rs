//! What the browser does next.

use paylent_domain::{Id, organization::Organization, user::User};

use super::Return;
use crate::store::Belonging;

/// What the browser does next. The handles are for the pages to bring back.
#[derive(Debug)]
pub enum Step {
    /// The person signs in; then [`resume`](crate::Engine::resume).
    Login(Login),
    /// The person chooses between going on with the account of the session
    /// ([`choose_account`](crate::Engine::choose_account)) and signing in to another one
    /// ([`resume`](crate::Engine::resume)).
    SelectAccount(SelectAccount),
    /// The person chooses an organization to act for; then [`choose_organization`](crate::Engine::choose_organization).
    ChooseOrganization(ChooseOrganization),
    /// The person is asked what the client may do; then [`decide`](crate::Engine::decide).
    Consent(Consent),
    /// The browser goes back to the client.
    Return(Return),
}

/// A login page.
#[derive(Debug)]
pub struct Login {
    /// The request.
    pub handle: String,
    /// Who asks.
    pub client: ClientDisplay,
    /// What the client thinks the person signs in as, to fill the form with.
    pub hint: Option<String>,
    /// Why.
    pub reason: LoginReason,
}

/// Why a person has to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginReason {
    /// Nobody is signed in.
    NotSignedIn,
    /// The client wants it (`prompt=login`), or the last time was too long ago for it (`max_age`).
    Again,
    /// The client means another person than the one who is signed in.
    OtherAccount,
}

/// A page on which the person chooses an account.
#[derive(Debug)]
pub struct SelectAccount {
    /// The request.
    pub handle: String,
    /// Who asks.
    pub client: ClientDisplay,
    /// Whose account the session is.
    pub user_id: Id<User>,
}

/// A page on which the person chooses an organization to act for.
#[derive(Debug)]
pub struct ChooseOrganization {
    /// The request.
    pub handle: String,
    /// Who asks.
    pub client: ClientDisplay,
    /// Who is asked.
    pub user_id: Id<User>,
    /// Those they belong to, by name.
    pub organizations: Vec<Belonging>,
    /// Whether they may act for themselves.
    pub optional: bool,
}

/// A consent page.
#[derive(Debug)]
pub struct Consent {
    /// The request.
    pub handle: String,
    /// Who asks.
    pub client: ClientDisplay,
    /// Who is asked.
    pub user_id: Id<User>,
    /// For which API: a resource server's identifier, or the issuer.
    pub audience: String,
    /// What the client asks for.
    pub scopes: Vec<AskedScope>,
    /// The organization that the person acts for, if they do.
    pub organization_id: Option<Id<Organization>>,
    /// Whether what they agree to connects an application for all of that organization.
    pub for_organization: bool,
}

/// A client as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDisplay {
    /// What it is called.
    pub name: String,
    /// The host to which the person will return, as the address names it, with a port if it has one.
    pub redirect_host: String,
    /// Whether it belongs to the environment's owner.
    pub first_party: bool,
    /// The name of the organization that owns it, if one does.
    pub organization: Option<String>,
}

/// A scope that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedScope {
    /// Its name.
    pub name: String,
    /// What it allows, in words.
    pub description: Option<String>,
    /// Whether the person may leave it out.
    pub optional: bool,
    /// Whether the person has not consented to it before.
    pub new: bool,
}
