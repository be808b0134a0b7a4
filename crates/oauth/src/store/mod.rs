//! The one thing a host implements: two dozen atomic verbs over the data of one environment.
//!
//! Each verb is one unit of work. A verb that writes has happened, for every node, when its future resolves. Nothing
//! is compared with the time of day here: moments come in as arguments, and the engine judges what has expired.
//!
//! What a host does by other ways counts too: withdrawing a consent forgets the codes of that user and client and
//! revokes their families; the end of a membership forgets the codes and revokes the families in which the person acts for
//! that organization; deactivating a client or user, or a new password, raises its generation.

mod clients;
mod tokens;

use std::future::Future;

use paylent_crypto::secret::SecretHash;
use paylent_domain::{Id, Timestamp, organization::Organization, scope::Scopes, session::Session, user::User};

pub use clients::{
    Application, Belonging, Client, DescribedScope, Grant, Machine, Member, Ownership, Parties, PreviousSecret,
    Profile, ResourceServer, Subject,
};
pub use tokens::{
    AuthorizationCode, BackchannelLogout, Connected, Consenting, Consumed, EndedSession, Exchange, Exchanged, Family,
    JwtReference, Kept, MAX_WRONG_VERIFIERS, NewStaticToken, OpaqueToken, Presented, PresentedCode,
    PresentedRefreshToken, RefreshToken, Rotated, Rotation, Standing, Use, Used, Violation, agreed,
};

/// The store failed; whether the work was done is unknown. The engine answers 503.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The data of one environment, as the engine needs it.
pub trait Store: Send + Sync {
    /// The client of this `client_id`, active or not.
    fn client(&self, client_id: &str) -> impl Future<Output = Result<Option<Client>, StoreError>> + Send;

    /// The client with all that a client-credentials token depends on, whether or not it may have one, in one read.
    fn machine(&self, client_id: &str) -> impl Future<Output = Result<Option<Machine>, StoreError>> + Send;

    /// The sealed private key of this `kid`, active or not.
    fn signing_key(&self, kid: &str) -> impl Future<Output = Result<Option<SealedKey>, StoreError>> + Send;

    /// The public keys of all active signing keys, as JWKs in JSON, newest first.
    fn active_public_keys(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Keeps an opaque access token.
    fn save_access_token(&self, token: OpaqueToken) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps an access token of an application that never expires, with the scopes that the application has permission for
    /// now. Nothing is written when the application has
    /// [`MAX_STATIC_TOKENS`](paylent_domain::application::MAX_STATIC_TOKENS) of them (no number of calls at the same time
    /// makes more), and when the client or the user is gone or their generations are other ones than the token's.
    fn save_static_token(&self, token: NewStaticToken) -> impl Future<Output = Result<Kept, StoreError>> + Send;

    /// The opaque access token of this hash, expired or not, and how those it depends on stand now.
    fn access_token(
        &self,
        hash: &SecretHash,
    ) -> impl Future<Output = Result<Option<(OpaqueToken, Standing)>, StoreError>> + Send;

    /// How those a signed token depends on stand now; `None` when its client is gone.
    fn jwt_standing(
        &self,
        token: JwtReference<'_>,
    ) -> impl Future<Output = Result<Option<Standing>, StoreError>> + Send;

    /// Forgets an opaque access token: from now on it is unknown.
    fn delete_access_token(&self, hash: &SecretHash) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Refuses the signed token of this `jti` from now on; the entry may be forgotten after `until`.
    fn deny_jwt(&self, jti: &str, until: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether this client may introspect tokens for this audience that were issued to others. The audience is as
    /// written in the token; one that is no resource server's is nobody's. Asked for live tokens only.
    fn may_introspect(&self, client_id: &str, audience: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The client of this `client_id`, active or not, as authorization needs it, and the resource server of this
    /// identifier, in one read. The `resource` of the answer is `None` when none was asked about or it is unknown; for an
    /// application of an organization it is always the one that the application is for.
    fn application(
        &self,
        client_id: &str,
        resource: Option<&str>,
    ) -> impl Future<Output = Result<Option<Application>, StoreError>> + Send;

    /// What this person agreed to let this client do at this audience, when it was last asked; `None` when it never
    /// was. An empty set is a consent too. Scopes of two audiences may have one name, so each has its own.
    ///
    /// For an application of an organization it is what one connection allows: that of all of the organization acted for,
    /// or the person's own there.
    fn consent(&self, consenting: Consenting<'_>) -> impl Future<Output = Result<Option<Scopes>, StoreError>> + Send;

    /// Keeps an authorization code and, in the same unit of work, if the person was just `asked` for scopes, the consent of
    /// the code's user, client and audience: what is [`agreed`] when the code's scopes were granted, counted from what the
    /// consent is at that moment. The code of an organization's application lives by a connection: if the person was asked,
    /// by the one that this makes or changes, within what the application has permission for, and by none when the person
    /// does not belong to the organization any more; and else by one that covers its scopes, the organization's before the
    /// person's. `false`, and nothing is written at all, when there is a code for the same `request_id`: of any number of
    /// calls with one `request_id`, at the same time or not, exactly one is answered `true`.
    fn save_code(
        &self,
        code: AuthorizationCode,
        asked: Option<Scopes>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The code of this hash, expired or consumed or not, and all that its tokens depend on, in one read. `None` when
    /// it is unknown or its client or user is gone; withdrawing a consent forgets the codes of that user and client.
    /// A consumed code is remembered at least as long as its family, an unused one for two hours: so long its request
    /// could be answered again.
    fn code(&self, hash: &SecretHash) -> impl Future<Output = Result<Option<PresentedCode>, StoreError>> + Send;

    /// Counts one more wrong verifier of this code; no call is lost among others. Nothing happens for an unknown code.
    fn wrong_verifier(&self, hash: &SecretHash) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Consumes a code and saves all it is exchanged for, or does nothing: one unit of work. Of any number of calls for
    /// one code, at the same time or not, exactly one is answered [`Exchanged::Done`]. It is so only while the code is
    /// known, unconsumed, of fewer than [`MAX_WRONG_VERIFIERS`] wrong verifiers, and its session was not ended; an
    /// [`end_session`](Self::end_session) at the same time either sees the new family or makes this
    /// [`Exchanged::Gone`]. A consumed code is [`Exchanged::Replayed`] whatever else is true of it. Whether code or
    /// session have expired is the engine's to judge.
    fn exchange(&self, exchange: Exchange) -> impl Future<Output = Result<Exchanged, StoreError>> + Send;

    /// The refresh token of this hash, expired or consumed or not, with its family and all that its successors depend
    /// on, in one read. `None` when it is unknown or its client or user is gone. A consumed token is remembered at
    /// least until it would have expired.
    fn refresh_token(
        &self,
        hash: &SecretHash,
    ) -> impl Future<Output = Result<Option<PresentedRefreshToken>, StoreError>> + Send;

    /// Consumes a refresh token and saves what follows it, or does nothing: one unit of work. Of any number of calls
    /// for one token, at the same time or not, exactly one is answered [`Rotated::Done`], and only while the family is
    /// not revoked. From then on the token's [`Consumed::successor_used`] says whether the successor was consumed.
    fn rotate(&self, rotation: Rotation) -> impl Future<Output = Result<Rotated, StoreError>> + Send;

    /// Kills a family: all its tokens, whoever holds them, in every request that starts from then on. Nothing happens
    /// for an unknown or revoked family. A family is remembered for a day longer than its last token can live.
    fn revoke_family(&self, id: Id<Family>, at: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What can be said about a person; `None` when it is gone.
    fn profile(&self, user_id: Id<User>) -> impl Future<Output = Result<Option<Profile>, StoreError>> + Send;

    /// The organizations that this person belongs to, by name. Asked only when a person is to act for one.
    fn belongings(&self, user_id: Id<User>) -> impl Future<Output = Result<Vec<Belonging>, StoreError>> + Send;

    /// What this person holds in this organization now; `None` when they do not belong to it. Asked only for what was
    /// granted to act for one.
    fn member(
        &self,
        user_id: Id<User>,
        organization_id: Id<Organization>,
    ) -> impl Future<Output = Result<Option<Member>, StoreError>> + Send;

    /// Notes that something of an application was used from an address that its list does not have, in one unit of work:
    /// revokes what was presented if that is enforced, leaves an audit event, and tells the application's people, once in
    /// ten minutes. Of any number of calls for one token at the same time one revokes it and is audited.
    fn report(&self, violation: Violation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes that a token of an application was accepted. May be forgotten in a crash, may be written late: never waits.
    fn note_use(&self, used: Use);

    /// Ends a session and revokes its families that lack the scope `offline_access` (but not those of organizations'
    /// applications, whose connections last until they are withdrawn), in one unit of work, and says whom to tell: the
    /// active clients with a back-channel logout address that have a family of this session which was not revoked
    /// before, each once. A host that tells them later notes that in the same unit of work. `None` when the session is
    /// unknown or was ended before: of any number of calls exactly one is answered `Some`. A session past its time
    /// counts as not ended.
    fn end_session(
        &self,
        id: Id<Session>,
        at: Timestamp,
    ) -> impl Future<Output = Result<Option<EndedSession>, StoreError>> + Send;

    /// Notes that this client used the assertion of this `jti`; the note may be forgotten after `until`. Of any number
    /// of calls with one client and `jti`, at the same time or not, exactly one is answered `true`.
    fn use_assertion(
        &self,
        client_id: &str,
        jti: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// A private signing key, sealed under the master key (see [`Keyring`](crate::Keyring)).
#[derive(Clone)]
pub struct SealedKey {
    /// Its name in token headers.
    pub kid: String,
    /// The sealed private key.
    pub sealed: Vec<u8>,
}
