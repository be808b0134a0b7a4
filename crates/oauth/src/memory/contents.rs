//! What is in memory, and what follows from it.

use std::collections::{HashMap, HashSet};

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Id, Timestamp,
    application::{Connection, MAX_STATIC_TOKENS},
    organization::Organization,
    scope::Scopes,
    session::Session,
    user::User,
};

use crate::{
    access_token::limit_scopes,
    keyring::GeneratedKey,
    store::{
        Application, AuthorizationCode, BackchannelLogout, Belonging, Client, Connected, Consenting, Consumed,
        EndedSession, Exchange, Exchanged, Family, Kept, MAX_WRONG_VERIFIERS, Machine, Member, NewStaticToken,
        OpaqueToken, Parties, Presented, PresentedCode, PresentedRefreshToken, Profile, RefreshToken, ResourceServer,
        Rotated, Rotation, Standing, Subject, Use, Violation, agreed,
    },
};

#[derive(Default)]
pub(super) struct Contents {
    pub(super) machines: HashMap<String, Machine>,
    pub(super) applications: HashMap<String, Application>,
    pub(super) resource_servers: HashMap<String, ResourceServer>,
    pub(super) people: HashMap<Id<User>, (Subject, Profile)>,
    pub(super) members: Vec<(Id<User>, Belonging, Member)>,
    pub(super) sessions: HashMap<Id<Session>, StoredSession>,
    pub(super) keys: Vec<Key>,
    pub(super) consents: HashMap<(Id<User>, String, String), Scopes>,
    pub(super) connections: Vec<StoredConnection>,
    pub(super) static_tokens: HashMap<[u8; 32], NewStaticToken>,
    pub(super) violations: Vec<Violation>,
    pub(super) uses: Vec<Use>,
    pub(super) codes: HashMap<[u8; 32], StoredCode>,
    pub(super) families: HashMap<Id<Family>, StoredFamily>,
    pub(super) refresh_tokens: HashMap<[u8; 32], StoredRefreshToken>,
    pub(super) access_tokens: HashMap<[u8; 32], OpaqueToken>,
    pub(super) denied: HashMap<String, Timestamp>,
    pub(super) assertions: HashSet<(String, String)>,
    pub(super) introspection_clients: HashMap<String, Vec<String>>,
    pub(super) not_before: Timestamp,
}

pub(super) struct Key {
    pub(super) generated: GeneratedKey,
    pub(super) active: bool,
}

pub(super) struct StoredSession {
    pub(super) user_id: Id<User>,
    pub(super) expires_at: Timestamp,
    pub(super) ended: bool,
}

/// What an organization (without a user) or a person lets an application do.
pub(super) struct StoredConnection {
    pub(super) client_id: String,
    organization_id: Option<Id<Organization>>,
    user_id: Option<Id<User>>,
    pub(super) connected: Connected,
}

pub(super) struct StoredCode {
    pub(super) code: AuthorizationCode,
    connection: Option<Id<Connection>>,
    pub(super) family_id: Option<Id<Family>>,
    pub(super) wrong_verifiers: u32,
}

pub(super) struct StoredFamily {
    family: Family,
    connection: Option<Id<Connection>>,
    revoked: bool,
}

pub(super) struct StoredRefreshToken {
    token: RefreshToken,
    rotation: Option<Rotation>,
}

impl Contents {
    pub(super) fn client(&self, client_id: &str) -> Option<&Client> {
        let machine = self.machines.get(client_id).map(|machine| &machine.client);
        machine.or_else(|| self.applications.get(client_id).map(|application| &application.client))
    }

    fn subject(&self, id: Id<User>) -> Option<&Subject> {
        let person = self.people.get(&id).map(|(subject, _)| subject);
        person.or_else(|| self.machines.values().filter_map(|machine| machine.user.as_ref()).find(|user| user.id == id))
    }

    pub(super) fn primary_kid(&self) -> Option<String> {
        self.keys.iter().find(|key| key.active).map(|key| key.generated.kid.clone())
    }

    pub(super) fn standing(&self, client_id: &str, user_id: Id<User>, family: Option<Id<Family>>) -> Option<Standing> {
        let (client, user) = (self.client(client_id)?, self.subject(user_id));
        let connection = family.and_then(|id| self.families.get(&id)).and_then(|stored| stored.connection);
        Some(Standing {
            client_active: client.active,
            client_generation: client.generation,
            user_active: user.is_some_and(|user| user.active),
            user_generation: user.map_or(0, |user| user.generation),
            key_active: true,
            denied: false,
            family_revoked: family.is_some_and(|id| self.families.get(&id).is_none_or(|stored| stored.revoked)),
            not_before: self.not_before,
            ownership: client.ownership.clone(),
            connection: self.connected(connection),
        })
    }

    fn connected(&self, id: Option<Id<Connection>>) -> Option<Connected> {
        let known = self.connections.iter().find(|connection| Some(connection.connected.id) == id);
        known.map(|connection| connection.connected.clone())
    }

    /// What the organization of a consent, or else the person, lets an application do.
    fn connection(&mut self, of: &Consenting<'_>, for_organization: bool) -> Option<&mut StoredConnection> {
        let (user, organization) = (Some(of.user_id).filter(|_| !for_organization), of.organization_id);
        self.connections.iter_mut().find(|connection| {
            connection.client_id == of.client_id
                && connection.organization_id == organization
                && connection.user_id == user
        })
    }

    pub(super) fn consent(&mut self, of: Consenting<'_>) -> Option<Scopes> {
        if self.client(of.client_id).is_none_or(|client| client.ownership.is_none()) {
            return self.consents.get(&(of.user_id, of.client_id.to_owned(), of.audience.to_owned())).cloned();
        }
        self.connection(&of, of.for_organization).map(|connection| connection.connected.scopes.clone())
    }

    /// The connection that a code lives by: one that covers it, or the one that the person who was just asked makes or changes.
    fn connect(&mut self, code: &AuthorizationCode, asked: Option<Scopes>) -> Option<Id<Connection>> {
        let (client_id, audience) = (code.client_id.clone(), code.audience.clone());
        let of = Consenting {
            user_id: code.user_id,
            client_id: &client_id,
            audience: &audience,
            organization_id: code.organization_id,
            for_organization: code.for_organization,
        };
        let Some(asked) = asked else {
            let ways = if code.for_organization { &[true][..] } else { &[true, false] };
            let mut ways =
                ways.iter().filter_map(|for_all| self.connection(&of, *for_all).map(|c| c.connected.clone()));
            return ways.find(|connected| code.scopes.is_subset(&connected.scopes)).map(|connected| connected.id);
        };
        let belongs = |organization: Id<Organization>| {
            self.members.iter().any(|(user, belonging, _)| *user == code.user_id && belonging.id == organization)
        };
        if !code.organization_id.is_none_or(belongs) {
            return None;
        }
        let permissions = self.client(&client_id)?.ownership.clone()?.permissions;
        let known = self.connection(&of, code.for_organization);
        let scopes = agreed(known.as_ref().map(|known| &known.connected.scopes), &asked, &code.scopes);
        let scopes = limit_scopes(&scopes, &permissions, None);
        if let Some(known) = known {
            known.connected.scopes = scopes;
            return Some(known.connected.id);
        }
        let id = Id::from_bytes(code.hash.as_bytes()[..16].try_into().ok()?);
        self.connections.push(StoredConnection {
            client_id: client_id.clone(),
            organization_id: code.organization_id,
            user_id: Some(code.user_id).filter(|_| !code.for_organization),
            connected: Connected { id, scopes },
        });
        Some(id)
    }

    fn parties(&self, client_id: &str, user_id: Id<User>, session: Id<Session>, audience: &str) -> Option<Parties> {
        let (subject, profile) = self.people.get(&user_id)?;
        let session = self.sessions.get(&session).filter(|session| !session.ended);
        Some(Parties {
            client: self.client(client_id)?.clone(),
            subject: subject.clone(),
            profile: profile.clone(),
            session_expires_at: session.map(|session| session.expires_at),
            resource: self.resource_servers.get(audience).cloned(),
            primary_kid: self.primary_kid(),
            not_before: self.not_before,
        })
    }

    pub(super) fn save_code(&mut self, code: AuthorizationCode, asked: Option<Scopes>) -> bool {
        if self.codes.values().any(|stored| stored.code.request_id == code.request_id) {
            return false;
        }
        let mut connection = None;
        if self.client(&code.client_id).is_some_and(|client| client.ownership.is_some()) {
            connection = self.connect(&code, asked);
        } else if let Some(asked) = asked {
            let key = (code.user_id, code.client_id.clone(), code.audience.clone());
            let scopes = agreed(self.consents.get(&key), &asked, &code.scopes);
            self.consents.insert(key, scopes);
        }
        self.codes.insert(*code.hash.as_bytes(), StoredCode { code, connection, family_id: None, wrong_verifiers: 0 });
        true
    }

    pub(super) fn code(&self, hash: &SecretHash) -> Option<PresentedCode> {
        let StoredCode { code, connection, family_id, wrong_verifiers } = self.codes.get(hash.as_bytes())?;
        Some(PresentedCode {
            parties: self.parties(&code.client_id, code.user_id, code.session_id, &code.audience)?,
            code: code.clone(),
            family_id: *family_id,
            wrong_verifiers: *wrong_verifiers,
            connection: self.connected(*connection),
        })
    }

    pub(super) fn exchange(&mut self, exchange: Exchange) -> Exchanged {
        let Some(stored) = self.codes.get_mut(exchange.code.as_bytes()) else { return Exchanged::Gone };
        if let Some(family_id) = stored.family_id {
            return Exchanged::Replayed(family_id);
        }
        let session = self.sessions.get(&stored.code.session_id).filter(|session| !session.ended);
        if session.is_none() || stored.wrong_verifiers >= MAX_WRONG_VERIFIERS {
            return Exchanged::Gone;
        }
        stored.family_id = Some(exchange.family.id);
        let connection = stored.connection;
        self.families.insert(exchange.family.id, StoredFamily { family: exchange.family, connection, revoked: false });
        self.save_tokens(exchange.refresh, exchange.access);
        Exchanged::Done
    }

    pub(super) fn refresh_token(&self, hash: &SecretHash) -> Option<PresentedRefreshToken> {
        let StoredRefreshToken { token, rotation } = self.refresh_tokens.get(hash.as_bytes())?;
        let StoredFamily { family, connection, revoked } = self.families.get(&token.family_id)?;
        let is_used = |hash: &SecretHash| {
            self.refresh_tokens.get(hash.as_bytes()).is_some_and(|stored| stored.rotation.is_some())
        };
        let consumed = rotation.as_ref().map(|rotation| Consumed {
            at: rotation.at,
            parameters: rotation.parameters,
            response: rotation.response.clone(),
            successor_used: is_used(&rotation.successor.hash),
        });
        Some(PresentedRefreshToken {
            token: token.clone(),
            consumed,
            parties: self.parties(&family.client_id, family.user_id, family.session_id, &family.audience)?,
            family: family.clone(),
            family_revoked: *revoked,
            connection: self.connected(*connection),
        })
    }

    pub(super) fn rotate(&mut self, rotation: Rotation) -> Rotated {
        let Some(stored) = self.refresh_tokens.get_mut(rotation.presented.as_bytes()) else { return Rotated::Gone };
        if stored.rotation.is_some() {
            return Rotated::AlreadyConsumed;
        }
        if self.families.get(&stored.token.family_id).is_none_or(|stored| stored.revoked) {
            return Rotated::Gone;
        }
        stored.rotation = Some(rotation.clone());
        self.save_tokens(Some(rotation.successor), rotation.access);
        Rotated::Done
    }

    fn save_tokens(&mut self, refresh: Option<RefreshToken>, access: Option<OpaqueToken>) {
        if let Some(token) = refresh {
            self.refresh_tokens.insert(*token.hash.as_bytes(), StoredRefreshToken { token, rotation: None });
        }
        if let Some(token) = access {
            self.access_tokens.insert(*token.hash.as_bytes(), token);
        }
    }

    pub(super) fn save_static_token(&mut self, mut token: NewStaticToken) -> Kept {
        let Some(machine) = self.machines.get(&token.token.client_id) else { return Kept::Gone };
        let generations = (machine.client.generation, machine.user.as_ref().map(|user| user.generation));
        if generations != (token.token.client_generation, Some(token.token.user_generation)) {
            return Kept::Gone;
        }
        if let Some(ownership) = &machine.client.ownership {
            token.token.scopes = ownership.limit(&token.token.scopes, None);
        }
        let client_id = &token.token.client_id;
        let theirs = self.static_tokens.values().filter(|stored| stored.token.client_id == *client_id);
        if theirs.count() >= MAX_STATIC_TOKENS {
            return Kept::TooMany;
        }
        self.access_tokens.insert(*token.token.hash.as_bytes(), token.token.clone());
        self.static_tokens.insert(*token.token.hash.as_bytes(), token);
        Kept::Done
    }

    pub(super) fn delete_access_token(&mut self, hash: &SecretHash) {
        self.access_tokens.remove(hash.as_bytes());
        self.static_tokens.remove(hash.as_bytes());
    }

    pub(super) fn report(&mut self, violation: Violation) {
        match violation.presented {
            Presented::AccessToken(hash) if violation.enforced => self.delete_access_token(&hash),
            Presented::Family(family) if violation.enforced => self.revoke_family(family),
            _ => {}
        }
        self.violations.push(violation);
    }

    pub(super) fn disconnect(&mut self, which: impl Fn(&StoredConnection) -> bool) {
        let gone: Vec<Id<Connection>> =
            self.connections.extract_if(.., |connection| which(connection)).map(|gone| gone.connected.id).collect();
        let lived_by = |connection: Option<Id<Connection>>| connection.is_some_and(|id| gone.contains(&id));
        self.codes.retain(|_, stored| !lived_by(stored.connection));
        for stored in self.families.values_mut() {
            stored.revoked |= lived_by(stored.connection);
        }
    }

    pub(super) fn narrow_connection(&mut self, id: Id<Connection>, scopes: &Scopes) {
        for StoredConnection { connected, .. } in &mut self.connections {
            if connected.id == id {
                connected.scopes =
                    connected.scopes.iter().filter(|name| scopes.contains(name)).map(str::to_owned).collect();
            }
        }
    }

    pub(super) fn revoke_family(&mut self, id: Id<Family>) {
        self.families.get_mut(&id).into_iter().for_each(|stored| stored.revoked = true);
    }

    pub(super) fn withdraw_consent(&mut self, user_id: Id<User>, client_id: &str) {
        self.consents.retain(|(user, client, _), _| *user != user_id || client != client_id);
        self.connections.retain(|connection| connection.user_id != Some(user_id) || connection.client_id != client_id);
        self.codes.retain(|_, StoredCode { code, .. }| code.user_id != user_id || code.client_id != client_id);
        let theirs = |family: &Family| family.user_id == user_id && family.client_id == client_id;
        self.families.values_mut().filter(|stored| theirs(&stored.family)).for_each(|stored| stored.revoked = true);
    }

    pub(super) fn end_membership(&mut self, user_id: Id<User>, organization_id: Id<Organization>) {
        self.members.retain(|(user, belonging, _)| *user != user_id || belonging.id != organization_id);
        let as_member = |user, organization| user == user_id && organization == Some(organization_id);
        self.codes.retain(|_, StoredCode { code, .. }| !as_member(code.user_id, code.organization_id));
        self.connections.retain(|connection| {
            connection.user_id != Some(user_id) || connection.organization_id != Some(organization_id)
        });
        for StoredFamily { family, revoked, .. } in self.families.values_mut() {
            *revoked |= as_member(family.user_id, family.organization_id);
        }
    }

    pub(super) fn end_session(&mut self, id: Id<Session>) -> Option<EndedSession> {
        let session = self.sessions.get_mut(&id).filter(|session| !session.ended)?;
        session.ended = true;
        let user_id = session.user_id;
        let mut client_ids: Vec<String> = Vec::new();
        for stored in self.families.values_mut().filter(|stored| stored.family.session_id == id && !stored.revoked) {
            let outlives = stored.family.scopes.contains("offline_access") || stored.connection.is_some();
            stored.revoked = !outlives;
            client_ids.push(stored.family.client_id.clone());
        }
        client_ids.sort_unstable();
        client_ids.dedup();
        let told = |client_id: String| {
            let application = self.applications.get(&client_id).filter(|application| application.client.active)?;
            Some(BackchannelLogout { uri: application.backchannel_logout_uri.clone()?, client_id })
        };
        let logouts = client_ids.into_iter().filter_map(told).collect();
        Some(EndedSession { session_id: id, user_id, logouts })
    }
}
