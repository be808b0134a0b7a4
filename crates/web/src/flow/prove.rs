//! The one place where a password is compared: whoever asks for one asks here, so that a guess counts wherever it is made.

use paylent_crypto::{
    password::{Place, Verification},
    secret::fingerprint,
};
use paylent_domain::{
    Id,
    network::client_network,
    user::{Email, PasswordHash, User},
};
use paylent_mail::About;
use paylent_storage::{Attempt, RightPassword, SignInCandidate};

use super::{Visit, fault::Failure};
use crate::pages::Fault;

/// After so many failures a success in a browser that was not known is told to the person.
const TELLING_FAILURES: i64 = 5;

/// A person who showed the right password.
pub(super) struct Proved {
    pub(super) user_id: Id<User>,
    /// What is to follow in the unit of work that the password was asked for.
    pub(super) right: RightPassword,
}

/// Why a password could not be compared.
pub(super) enum Proof {
    Busy,
    Failed(Failure),
}

/// A place among those whose passwords are compared or wait for it. It is taken before anything is looked up for them, so
/// that what a flood has too much does not keep the database from others.
pub(super) fn place(visit: &Visit) -> Result<Place, Proof> {
    Ok(visit.settings.passwords.place()?)
}

/// Whose address and password these are. The attempt is counted before the password is looked at, so that none comes free.
/// Every refusal costs the comparison of one password, also where the attempt has to wait, and none tells why.
pub(super) async fn prove(visit: &Visit, place: Place, email: &str, password: &str) -> Result<Option<Proved>, Proof> {
    let browser = fingerprint(visit.browser.as_bytes());
    let (mut candidate, mut begun) = (None, None);
    if let Ok(email) = email.trim().parse::<Email>() {
        let email_key = email.key();
        candidate = visit.env.sign_in_candidate(&email_key, &browser).await?;
        let known = candidate.as_ref().is_some_and(|who| who.knows_browser);
        let attempt = Attempt { email_key, place: client_network(visit.origin.ip), browser, known };
        begun = visit.env.count_attempt(&attempt, visit.now).await?.map(|count| (attempt, count - 1));
    }
    let hash = candidate.as_ref().filter(|_| begun.is_some()).and_then(|who| who.password_hash.as_deref());
    let verified = visit.settings.passwords.verify_anyone(place, password, hash).await?;
    let allowed = |who: &SignInCandidate| who.can_sign_in && verified != Verification::Invalid;
    let (Some(who), Some((attempt, failures))) = (candidate.as_ref().filter(|who| allowed(who)), begun) else {
        return Ok(None);
    };
    if let (Verification::ValidButOutdated, Some(hash)) = (verified, hash) {
        rehash(visit, who.user_id, password, hash).await;
    }
    let after_failures = match &who.email {
        Some(email) if !attempt.known && failures >= TELLING_FAILURES => {
            let about = About::SignInAfterFailures {
                failures: u32::try_from(failures).unwrap_or(u32::MAX),
                ip: visit.origin.ip.to_string(),
                reset_link: visit.reset_link(),
            };
            Some((failures, visit.seal(email, who.language, about, None)?))
        }
        _ => None,
    };
    Ok(Some(Proved { user_id: who.user_id, right: RightPassword { attempt, after_failures } }))
}

/// Keeps the password under a hash of today's cost. The person signs in also when this fails; the next time it is tried
/// again.
async fn rehash(visit: &Visit, user_id: Id<User>, password: &str, outdated: &str) {
    let Ok(hash) = visit.settings.passwords.hash(password).await else { return };
    if let Err(error) = visit.env.renew_password_hash(user_id, outdated, &PasswordHash(hash)).await {
        tracing::warn!(%error, "a password could not be hashed again");
    }
}

impl From<paylent_storage::Error> for Proof {
    fn from(error: paylent_storage::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<paylent_crypto::Error> for Proof {
    fn from(error: paylent_crypto::Error) -> Self {
        match error {
            paylent_crypto::Error::Busy => Self::Busy,
            error => Self::Failed(error.into()),
        }
    }
}

/// For pages that have no place of their own to say it.
impl From<Proof> for Failure {
    fn from(proof: Proof) -> Self {
        match proof {
            Proof::Busy => Self::Page(Fault::Unavailable, "Too many passwords at once.".to_owned()),
            Proof::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for Proof {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
