//! What it takes to answer an invitation, whether a page or a program asks.

use paylent_crypto::secret::{Secret, SecretHash, random_bytes};
use paylent_domain::{
    Id,
    audit::Context,
    invitation::Invitation,
    user::{NewPerson, PasswordHash, User},
};
use paylent_storage::{Accepted, Error, Invited, OpenInvitation, Refusal};

use super::{
    Visit,
    fault::Failure,
    introduction::{Faults, Introduction},
};

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
    /// There is no room for another password to be hashed.
    Busy,
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
            paylent_crypto::Error::Busy => Self::Busy,
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
        visit.env.accept_invitation(self.id, self.invited(), &by(visit)).await?.ok_or(Trouble::Unknown)
    }

    pub(super) async fn decline(&self, visit: &Visit) -> Result<(), Trouble> {
        visit.env.decline_invitation(self.id, self.invited(), &by(visit)).await?.ok_or(Trouble::Unknown)
    }

    /// Joins as somebody new, who is signed in from then on with this token, if there is one.
    pub(super) async fn register(
        &self,
        visit: &mut Visit,
        open: &OpenInvitation,
        who: Introduction<'_>,
        session_token: Option<&Secret>,
    ) -> Result<(Id<User>, Accepted), Trouble> {
        let token = self.token.filter(|_| open.token_fits).ok_or(Trouble::Unknown)?;
        if open.has_account {
            return Err(Trouble::HasAccount);
        }
        let (email, minimum) = (open.invitation.email.clone(), shortest_password(visit, open));
        who.check(visit.env.tenant(), minimum, email.as_str()).map_err(Trouble::Unfit)?;
        let password = PasswordHash(visit.settings.passwords.hash(who.password).await?);
        let user_id = Id::new(visit.now, random_bytes()?);
        let by = visit.context(user_id, email.as_str());
        let new = NewPerson {
            id: user_id,
            email,
            email_verified: true,
            first_name: Some(who.first_name.to_owned()),
            last_name: Some(who.last_name.to_owned()),
            password,
        };
        let session = session_token.map(|token| visit.new_session(user_id, token)).transpose()?;
        let joined = visit.env.accept_invitation_as_new(self.id, token, new, session, &by).await?;
        let (accepted, until) = joined.ok_or(Trouble::Unknown)?;
        if let Some((token, until)) = session_token.zip(until) {
            visit.sign_in_newcomer(token.expose(), until).await.map_err(Trouble::Failed)?;
        }
        Ok((user_id, accepted))
    }
}

/// How many characters the password of somebody new has at least.
pub(super) fn shortest_password(visit: &Visit, open: &OpenInvitation) -> usize {
    visit.shortest_password(usize::try_from(open.password_min_length).unwrap_or_default())
}

/// Who answers, for the audit trail: the person who is signed in, or nobody known.
fn by(visit: &Visit) -> Context {
    match &visit.session {
        Some(session) => visit.context(session.user_id, &session.email),
        None => visit.unnamed(),
    }
}
