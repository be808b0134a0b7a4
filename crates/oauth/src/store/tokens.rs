//! Codes, families and tokens, as the engine writes and reads them. Only hashes are kept.

use paylent_crypto::secret::SecretHash;
use std::net::IpAddr;

use paylent_domain::{
    Id, Timestamp,
    application::{Connection, StaticToken},
    organization::Organization,
    scope::Scopes,
    session::Session,
    user::User,
};

use super::{Ownership, Parties};

/// An opaque access token, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueToken {
    /// The SHA-256 of the token.
    pub hash: SecretHash,
    /// The client it was issued to.
    pub client_id: String,
    /// Whom it acts for.
    pub user_id: Id<User>,
    /// The resource server it is for.
    pub audience: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it dies; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// The client's generation when it was issued.
    pub client_generation: i64,
    /// The user's generation when it was issued.
    pub user_generation: i64,
    /// The grant of a person that it comes from; `None` for a machine's own token.
    pub family_id: Option<Id<Family>>,
    /// The organization that the person acts for, if they do: the family's.
    pub organization_id: Option<Id<Organization>>,
}

/// An access token of an application that never expires, about to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStaticToken {
    /// Its id in lists.
    pub id: Id<StaticToken>,
    /// How the token begins, so that people tell it from others.
    pub prefix: String,
    /// The token.
    pub token: OpaqueToken,
}

/// What identifies a signed token and those it depends on.
#[derive(Debug, Clone, Copy)]
pub struct JwtReference<'a> {
    /// The key that signed it.
    pub kid: &'a str,
    /// Its own identifier.
    pub jti: &'a str,
    /// The client it was issued to.
    pub client_id: &'a str,
    /// Whom it acts for.
    pub user_id: Id<User>,
    /// The grant of a person that it comes from, if it does.
    pub family_id: Option<Id<Family>>,
}

/// How those a token depends on stand at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether the client may act.
    pub client_active: bool,
    /// The client's generation now.
    pub client_generation: i64,
    /// Whether the user exists and may act.
    pub user_active: bool,
    /// The user's generation now; zero when it is gone.
    pub user_generation: i64,
    /// Whether the signing key is still accepted; true for opaque tokens.
    pub key_active: bool,
    /// Whether the token itself was revoked; false for opaque tokens, which are deleted instead.
    pub denied: bool,
    /// Whether the token's family was revoked or is unknown; false for a token without a family.
    pub family_revoked: bool,
    /// Tokens of this environment issued before this moment are dead.
    pub not_before: Timestamp,
    /// That an organization owns the client, if one does; always `None` for signed tokens.
    pub ownership: Option<Ownership>,
    /// The connection that the token's family lives by, if it lives by one that is still there.
    pub connection: Option<Connected>,
}

/// The connection that tokens of an application live by, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Its id.
    pub id: Id<Connection>,
    /// What the application may do by it.
    pub scopes: Scopes,
}

/// Who agrees to what an application asks for, or agreed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consenting<'a> {
    /// The person.
    pub user_id: Id<User>,
    /// The client.
    pub client_id: &'a str,
    /// The audience of the tokens: a resource server's identifier, or the issuer.
    pub audience: &'a str,
    /// The organization that the person acts for, if they do.
    pub organization_id: Option<Id<Organization>>,
    /// Whether they do for all of that organization; counts for applications of organizations alone.
    pub for_organization: bool,
}

/// Something of an application that was used from an address which its allow list does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The application's client.
    pub client_id: String,
    /// What was used.
    pub presented: Presented,
    /// How the token begins; `None` for a secret.
    pub prefix: Option<String>,
    /// From where.
    pub ip: IpAddr,
    /// When.
    pub at: Timestamp,
    /// Whether it is refused, and revoked; else it is only reported.
    pub enforced: bool,
}

/// What an application presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// Its secret, which is not revoked.
    Secret,
    /// An access token without a family.
    AccessToken(SecretHash),
    /// A token of this family, which is revoked as a whole.
    Family(Id<Family>),
}

/// That a token of an application was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// By which connection, or as which static token.
    pub of: Used,
    /// When.
    pub at: Timestamp,
    /// From where; `None` when the one who accepted it did not say.
    pub ip: Option<IpAddr>,
}

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// A connection.
    Connection(Id<Connection>),
    /// A static token.
    StaticToken(SecretHash),
}

/// How many wrong `code_verifier`s kill an authorization code.
pub const MAX_WRONG_VERIFIERS: u32 = 5;

/// An authorization code (RFC 6749 section 4.1.2), without the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The SHA-256 of the code.
    pub hash: SecretHash,
    /// The authorization request it answers: each is answered with at most one code.
    pub request_id: String,
    /// The client it was issued to.
    pub client_id: String,
    /// Who consented.
    pub user_id: Id<User>,
    /// The session in which they did.
    pub session_id: Id<Session>,
    /// Where it was sent.
    pub redirect_uri: String,
    /// Whether the request named that address, so that the token request must too (RFC 6749 section 4.1.3).
    pub redirect_uri_sent: bool,
    /// The audience of the tokens: a resource server's identifier, or the issuer.
    pub audience: String,
    /// What was consented to.
    pub scopes: Scopes,
    /// The `nonce` for the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge (RFC 7636): the SHA-256 of the verifier.
    pub code_challenge: Option<SecretHash>,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// How they did (RFC 8176).
    pub amr: Vec<String>,
    /// The names of the claims that the request wants in the ID token, in alphabetical order.
    pub id_token_claims: Vec<String>,
    /// The organization that the person acts for, if they do.
    pub organization_id: Option<Id<Organization>>,
    /// Whether they connect an application for all of that organization. Counts when the code is saved, and is not kept.
    pub for_organization: bool,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
    /// The client's generation when it was issued.
    pub client_generation: i64,
    /// The user's generation when it was issued.
    pub user_generation: i64,
}

/// A code that was presented, and all that its tokens depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedCode {
    /// The code as it was saved.
    pub code: AuthorizationCode,
    /// The family that it was exchanged for, if it was.
    pub family_id: Option<Id<Family>>,
    /// How many wrong verifiers were presented with it.
    pub wrong_verifiers: u32,
    /// The connection that its tokens will live by, if it is an application's and is still there.
    pub connection: Option<Connected>,
    /// Those its tokens depend on.
    pub parties: Parties,
}

/// What one person granted one client at one time, and so what all tokens that descend from one code have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its id.
    pub id: Id<Family>,
    /// The client.
    pub client_id: String,
    /// The person.
    pub user_id: Id<User>,
    /// The session in which they consented.
    pub session_id: Id<Session>,
    /// The audience of the tokens: a resource server's identifier, or the issuer.
    pub audience: String,
    /// What was consented to.
    pub scopes: Scopes,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// How they did.
    pub amr: Vec<String>,
    /// The names of the claims that the request wants in the ID token, in alphabetical order.
    pub id_token_claims: Vec<String>,
    /// The organization that the person acts for, if they do.
    pub organization_id: Option<Id<Organization>>,
    /// When the code was exchanged.
    pub created_at: Timestamp,
    /// The client's generation when the code was issued.
    pub client_generation: i64,
    /// The user's generation when the code was issued.
    pub user_generation: i64,
}

/// A refresh token, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The SHA-256 of the token.
    pub hash: SecretHash,
    /// The family it belongs to.
    pub family_id: Id<Family>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it dies unless it is used before.
    pub expires_at: Timestamp,
}

/// A refresh token that was presented, and all that its successors depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedRefreshToken {
    /// The token as it was saved.
    pub token: RefreshToken,
    /// Its use, if it was used.
    pub consumed: Option<Consumed>,
    /// Its family.
    pub family: Family,
    /// Whether the family was revoked.
    pub family_revoked: bool,
    /// The connection that the family lives by, if it is an application's and is still there.
    pub connection: Option<Connected>,
    /// Those its successors depend on.
    pub parties: Parties,
}

/// That a refresh token was used, and what the client got for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// When.
    pub at: Timestamp,
    /// A fingerprint of the request's parameters: a repetition has the same.
    pub parameters: [u8; 32],
    /// The answer, sealed under a key made of the token itself.
    pub response: Vec<u8>,
    /// Whether the refresh token of that answer was used in its turn: then the answer had arrived.
    pub successor_used: bool,
}

/// A code about to be exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The code that is consumed.
    pub code: SecretHash,
    /// What it is exchanged for.
    pub family: Family,
    /// The first refresh token, if the client gets one.
    pub refresh: Option<RefreshToken>,
    /// The access token, if it is opaque.
    pub access: Option<OpaqueToken>,
}

/// What became of an access token that never expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is saved.
    Done,
    /// The application has as many as it may have; nothing was saved.
    TooMany,
    /// The application or its user is not any more what the token was issued to; nothing was saved.
    Gone,
}

/// What a person agrees to who was `asked` for scopes and granted some: to these, and to what they agreed to `before` of
/// those that they were not asked for.
#[must_use]
pub fn agreed(before: Option<&Scopes>, asked: &Scopes, granted: &Scopes) -> Scopes {
    let kept = before.into_iter().flat_map(Scopes::iter).filter(|name| !asked.contains(name));
    kept.chain(granted.iter()).map(str::to_owned).collect()
}

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// The code is consumed and everything is saved.
    Done,
    /// The code had been exchanged for this family; nothing was saved.
    Replayed(Id<Family>),
    /// The code is unknown, dead of wrong verifiers, or its session was ended; nothing was saved.
    Gone,
}

/// A refresh token about to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The token that is consumed.
    pub presented: SecretHash,
    /// When.
    pub at: Timestamp,
    /// A fingerprint of the request's parameters.
    pub parameters: [u8; 32],
    /// The answer, sealed.
    pub response: Vec<u8>,
    /// The token that follows, of the same family.
    pub successor: RefreshToken,
    /// The access token, if it is opaque.
    pub access: Option<OpaqueToken>,
}

/// What became of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The token is consumed and everything is saved.
    Done,
    /// The token had been consumed; nothing was saved.
    AlreadyConsumed,
    /// The token is unknown or its family revoked; nothing was saved.
    Gone,
}

/// A session that was just ended, and whom to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub session_id: Id<Session>,
    /// Who was signed in.
    pub user_id: Id<User>,
    /// The clients with a back-channel logout address that the person went to in this session.
    pub logouts: Vec<BackchannelLogout>,
}

/// A client that wants to know when a person signs out (OpenID Connect Back-Channel Logout section 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackchannelLogout {
    /// The client.
    pub client_id: String,
    /// Its address.
    pub uri: String,
}
