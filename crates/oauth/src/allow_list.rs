//! From where the tokens and the secret of an application may be used.

use paylent_domain::{allow_list::AllowListMode, network::Caller};

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

impl<S: Store> Engine<S> {
    /// Lets what is used from a listed address pass; everything does of a client that nobody owns or that lists none.
    /// What is used from elsewhere is reported, and refused unless the application only observes.
    pub(crate) async fn admit(&self, usage: Usage<'_>, caller: Caller) -> Result<(), Foreign> {
        let Some(ownership) = usage.ownership.filter(|ownership| !ownership.allow_list.is_empty()) else {
            return Ok(());
        };
        let enforced = ownership.allow_list_mode == AllowListMode::Enforce;
        if caller.is_disguised {
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
        let reported = self.store.report(violation).await;
        if enforced { Err(Foreign { is_disguised: false, cause: reported.err() }) } else { Ok(()) }
    }

    pub(crate) fn note_use(&self, of: Option<Used>, caller: Caller) {
        if let Some(of) = of {
            self.store.note_use(Use { of, at: self.clock.now(), ip: caller.ip });
        }
    }
}
