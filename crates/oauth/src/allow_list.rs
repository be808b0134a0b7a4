//! From where the tokens and the secret of an application may be used.

use std::sync::atomic::{AtomicI64, Ordering};

use paylent_domain::{Timestamp, allow_list::AllowListMode, network::Caller};

use crate::{
    Engine,
    error::{Error, ErrorCode},
    store::{Ownership, Presented, Store, StoreError, Use, Used, Violation},
};

/// A good token or secret came from where its application's list does not have: 403. It was revoked, unless the address
/// proves nothing.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Foreign {
    is_disguised: bool,
    /// Why it could not be revoked, for the log; it is refused again at its next use.
    #[source]
    pub cause: Option<StoreError>,
}

impl Foreign {
    const fn sentence(&self) -> &'static str {
        match self.is_disguised {
            true => {
                "A proxy that this server was not told of hides the caller's address, and the application restricts \
                 addresses. Its operator sets trusted_proxies."
            }
            false => "The application does not allow this address. A token used from here is revoked.",
        }
    }
}

impl From<Foreign> for Error {
    fn from(foreign: Foreign) -> Self {
        let refusal = Self::new(ErrorCode::AccessDenied, foreign.sentence());
        Self { cause: foreign.cause.map(Into::into), ..refusal }
    }
}

/// What was presented from somewhere.
pub(crate) struct Usage<'a> {
    pub client_id: &'a str,
    pub ownership: Option<&'a Ownership>,
    pub presented: Presented,
    /// How the token begins, if it is one.
    pub prefix: Option<&'a str>,
}

/// Tells the operator, at most once a minute: it can happen at every request.
fn say_that_callers_are_hidden(now: Timestamp) {
    static SAID: Seldom = Seldom(AtomicI64::new(0));
    if SAID.is_due(now) {
        tracing::warn!(
            "an application restricts addresses, and a proxy hides its callers: they are refused until trusted_proxies \
             names the proxy and the proxy sends X-Forwarded-For"
        );
    }
}

/// What is done at most once a minute: until when, in seconds, it is not done again.
struct Seldom(AtomicI64);

impl Seldom {
    const INTERVAL: i64 = 60;

    /// Whether it is to be done now, by whoever asked.
    fn is_due(&self, now: Timestamp) -> bool {
        let until = self.0.load(Ordering::Relaxed);
        // A clock that was set back does not silence it.
        let is_due = !(until - Self::INTERVAL..until).contains(&now.seconds());
        let next = now.seconds() + Self::INTERVAL;
        is_due && self.0.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl<S: Store> Engine<S> {
    /// Lets what is used from a listed address pass; everything does of a client that nobody owns or that lists none.
    /// What is used from elsewhere is reported, and refused unless the application only observes.
    pub(crate) async fn admit(&self, usage: Usage<'_>, caller: Caller) -> Result<(), Foreign> {
        let Some(ownership) = usage.ownership.filter(|ownership| !ownership.allow_list.is_empty()) else {
            return Ok(());
        };
        let enforced = ownership.allow_list_mode == AllowListMode::Enforce;
        if caller.is_disguised {
            say_that_callers_are_hidden(self.clock.now());
            return if enforced { Err(Foreign { is_disguised: true, cause: None }) } else { Ok(()) };
        }
        if ownership.allow_list.contains(caller.ip) {
            return Ok(());
        }
        let violation = Violation {
            client_id: usage.client_id.to_owned(),
            presented: usage.presented,
            prefix: usage.prefix.map(str::to_owned),
            ip: caller.ip,
            at: self.clock.now(),
            enforced,
        };
        let client_id = usage.client_id;
        let reported = self.store.report(violation).await.inspect_err(|error| {
            tracing::error!(client_id, cause = ?error, "what came from a foreign address could not be revoked or reported");
        });
        if enforced { Err(Foreign { is_disguised: false, cause: reported.err() }) } else { Ok(()) }
    }

    /// Notes that it was accepted, and from where if that is known.
    pub(crate) fn note_use(&self, of: Option<Used>, caller: Option<Caller>) {
        if let Some(of) = of {
            self.store.note_use(Use { of, at: self.clock.now(), ip: caller.map(|caller| caller.ip) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_spoof_the_operator_is_told_once_a_minute() {
        let seldom = Seldom(AtomicI64::new(0));
        let said = |seconds| seldom.is_due(Timestamp::from_seconds(seconds));
        assert_eq!([1_000, 1_000, 1_059, 1_060, 1_061, 9_000].map(said), [true, false, false, true, false, true]);
        assert_eq!([1_000, 1_001].map(said), [true, false], "the clock was set back");
    }
}
