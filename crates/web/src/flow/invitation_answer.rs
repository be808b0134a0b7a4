//! What it takes to answer an invitation, whether a page or a program asks.

use paylent_crypto::secret::{self, SecretHash, SecretKind, random_bytes};
use paylent_domain::{
    Id,
    audit::{By, Context},
    invitation::Invitation,
    text,
    user::{MAX_NAME, NewPerson, PasswordHash, User},
};
use paylent_storage::{Accepted, Error, Invited, NewSession, OpenInvitation, Refusal, Tenant};

use super::{Visit, choice, fault::Failure};
use crate::pages::Faults;

/// The longest `User-Agent` that is kept, in characters.
const MAX_USER_AGENT: usize = 400;

/// Somebody who has no account yet, as they describe themselves.
pub(super) struct Person<'a> {
    pub(super) first_name: &'a str,
    pub(super) last_name: &'a str,
    pub(super) password: &'a str,
    pub(super) confirmation: &'a str,
}

/// Why an invitation was not answered. Nothing was done.
pub(super) enum Trouble {
    /// There is no such invitation, or the token is not its own.
    Unknown,
    /// It cannot be answered any more.
    Gone,
    /// It is for another address than that of whoever is signed in.
    OtherAddress,
    /// Whoever is signed in has not verified their address.
    Unverified,
    /// The address has an account: sign in first.
    HasAccount,
    /// Somebody new sent something that is not right.
    Unfit(Faults),
    Failed(Failure),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(Refusal::AnsweredInvitation | Refusal::DeadInvitation) => Self::Gone,
            Error::Refused(Refusal::OtherAddress) => Self::OtherAddress,
            Error::Refused(Refusal::UnverifiedAddress) => Self::Unverified,
            Error::Conflict => Self::HasAccount,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<paylent_crypto::Error> for Trouble {
    fn from(error: paylent_crypto::Error) -> Self {
        match error {
            paylent_crypto::Error::Busy => Self::Unfit(Faults { busy: true, ..Faults::default() }),
            error => Self::Failed(error.into()),
        }
    }
}

/// Who is there to answer, with the token that they present.
pub(super) struct Answering {
    pub(super) id: Id<Invitation>,
    pub(super) token: Option<SecretHash>,
    /// Who is signed in, if that counts.
    pub(super) user_id: Option<Id<User>>,
}

impl Answering {
    pub(super) fn new(id: Id<Invitation>, token: Option<&str>, user_id: Option<Id<User>>) -> Self {
        Self { id, token: token.map(SecretHash::of), user_id }
    }

    /// The invitation; a token that is not its own counts for nothing here.
    pub(super) async fn open(&self, visit: &Visit) -> Result<OpenInvitation, Trouble> {
        visit.env.open_invitation(self.id, self.token.as_ref()).await?.ok_or(Trouble::Unknown)
    }

    const fn invited(&self) -> Invited {
        Invited { token: self.token, user_id: self.user_id }
    }

    /// Joins as the person who is signed in.
    pub(super) async fn accept(&self, visit: &Visit) -> Result<Accepted, Trouble> {
        let by = context(visit);
        visit.env.accept_invitation(self.id, self.invited(), &by).await?.ok_or(Trouble::Unknown)
    }

    pub(super) async fn decline(&self, visit: &Visit) -> Result<(), Trouble> {
        let by = context(visit);
        visit.env.decline_invitation(self.id, self.invited(), &by).await?.ok_or(Trouble::Unknown)
    }

    /// Joins as somebody new, who is signed in from then on.
    pub(super) async fn register(
        &self,
        visit: &mut Visit,
        open: &OpenInvitation,
        person: &Person<'_>,
    ) -> Result<(Id<User>, Accepted), Trouble> {
        let token = self.token.filter(|_| open.token_fits).ok_or(Trouble::Unknown)?;
        if open.has_account {
            return Err(Trouble::HasAccount);
        }
        let faults = person.faults(visit.env.tenant(), open);
        if faults.any() {
            return Err(Trouble::Unfit(faults));
        }
        let password = PasswordHash(visit.settings.passwords.hash(person.password).await?);
        let (user_id, secret) = (Id::new(visit.now, random_bytes()?), secret::generate(SecretKind::Session)?);
        let email = open.invitation.email.clone();
        let by = Context { by: By::User { id: user_id, name: email.as_str().to_owned() }, ..context(visit) };
        let new = NewPerson {
            id: user_id,
            email,
            email_verified: true,
            first_name: Some(person.first_name.trim().to_owned()),
            last_name: Some(person.last_name.trim().to_owned()),
            password,
        };
        let session = NewSession {
            id: Id::new(visit.now, random_bytes()?),
            user_id,
            token_hash: SecretHash::of(secret.expose()),
            ip: by.ip,
            user_agent: by.user_agent.clone(),
        };
        let joined = visit.env.accept_invitation_as_new(self.id, token, new, session, &by).await?;
        let (accepted, until) = joined.ok_or(Trouble::Unknown)?;
        if visit.is_from_here() {
            visit.sign_in(secret.expose(), until).await.map_err(Trouble::Failed)?;
        }
        Ok((user_id, accepted))
    }
}

impl Person<'_> {
    fn faults(&self, tenant: &Tenant, open: &OpenInvitation) -> Faults {
        let is_name = |name: &str| text::one_line(name.trim(), MAX_NAME).is_ok();
        let shortest = usize::try_from(open.password_min_length).unwrap_or_default();
        let names = [Some(self.first_name), Some(self.last_name)];
        let email = open.invitation.email.as_str();
        Faults {
            first_name: !is_name(self.first_name),
            last_name: !is_name(self.last_name),
            password: choice::check(tenant, self.password, shortest, email, names).is_err(),
            confirmation: self.password != self.confirmation,
            ..Faults::default()
        }
    }
}

/// Who answers, for the audit trail: the person who is signed in, or nobody known.
fn context(visit: &Visit) -> Context {
    let by = match &visit.session {
        Some(session) => By::User { id: session.user_id, name: session.email.clone() },
        None => By::System,
    };
    let user_agent = visit.origin.user_agent.as_ref().map(|text| text.chars().take(MAX_USER_AGENT).collect());
    Context { by, ip: Some(visit.origin.ip), user_agent, at: visit.now }
}
