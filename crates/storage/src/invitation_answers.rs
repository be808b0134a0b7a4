//! How invitations are answered: by whoever has the mailed token, or by the person whose verified address was invited.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    invitation::{Invitation, InvitationStatus},
    organization::{Membership, MembershipRole, Organization},
    permission::Permissions,
    policy,
    role::Role,
    user::{NewPerson, User, UserKind},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, NewSession, Result,
    audit::{entry, new_id},
    authority::{by_organization, names},
    error::Refusal,
    invitations::{InvitationRow, roles_of},
    key::Key,
    membership_roles::MembershipRoleRow,
    memberships::MembershipRow,
    pool::on,
    schema::{
        audit_events, authorities, environments, invitations, membership_roles, memberships, organizations,
        permissions, role_permissions, roles, sessions, users,
    },
    sessions::NewSessionRow,
    users::NewUserRow,
};

/// An invitation as the invited person sees it.
#[derive(Debug, Clone)]
pub struct OpenInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The organization's name.
    pub organization: String,
    /// What the one who invites is called; none when that is a program.
    pub inviter: Option<String>,
    /// Whether who invites can still act.
    pub alive: bool,
    /// Whether the token that was presented is the mailed one.
    pub token_fits: bool,
    /// Whether the address that was invited has an account.
    pub has_account: bool,
    /// The shortest password that somebody new may choose, in characters.
    pub password_min_length: i32,
}

/// Who answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Invited {
    /// The hash of the token that was presented.
    pub token: Option<SecretHash>,
    /// The person who is signed in.
    pub user_id: Option<Id<User>>,
}

/// What came of an acceptance.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Where the person belongs now.
    pub organization_id: Id<Organization>,
    /// What it is called.
    pub organization: String,
    /// The roles that were held back, because who invited does not hold all of them any more.
    pub withheld: Vec<Id<Role>>,
}

/// The person who answers, as the unit of work reads them.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct Person {
    email_key: Option<String>,
    email_verified: bool,
    updated_at: i64,
}

/// Locks the invitation and checks that it can be answered at this moment. `None` when there is none, or when the token is
/// not its own: a wrong token is told nothing, whoever presents it. The organization's row is locked first, as by whoever
/// deletes it: in another order the two could wait for each other.
macro_rules! lock_pending {
    ($c:ident, $environment:ident, $id:expr, $invited:expr, $by:expr) => {{
        let this = invitations::table.find(($environment, $id));
        let organization: Option<Key> = this.select(invitations::organization_id).get_result($c).await.optional()?;
        let Some(organization) = organization else { return Ok(None) };
        let lock = diesel::update(organizations::table.find(($environment, organization)))
            .set(organizations::updated_at.eq(organizations::updated_at))
            .returning(organizations::name);
        let organization: Option<String> = lock.get_result($c).await.optional()?;
        let lock = diesel::update(this).set(invitations::updated_at.eq(invitations::updated_at));
        let lock = lock.returning((InvitationRow::as_returning(), invitations::token_hash));
        let found: Option<(InvitationRow, Option<Vec<u8>>)> = lock.get_result($c).await.optional()?;
        let (Some(organization), Some((row, token_hash))) = (organization, found) else { return Ok(None) };
        if $invited.token.is_some_and(|token| !is_token(&token_hash, &token)) {
            return Ok(None);
        }
        let given = roles_of!($c, $environment, [row.id]);
        let invitation = row.clone().read(&given)?;
        (row, invitation, organization)
    }};
}

/// Marks the invitation as answered, and tells of it.
macro_rules! answer {
    ($c:ident, $environment:ident, $row:expr, $status:expr, $event:expr, $by:expr) => {{
        let before = Timestamp::from_micros($row.updated_at);
        let status = invitations::status.eq($status.as_str());
        let at = invitations::updated_at.eq($by.at.after(before).micros());
        diesel::update(invitations::table.find(($environment, $row.id))).set((status, at)).execute($c).await?;
        entry($environment, &$by, &$event)?.insert_into(audit_events::table).execute($c).await?;
    }};
}

/// Makes the membership of an accepted invitation with those of its roles that the inviter may still give.
macro_rules! join {
    ($c:ident, $environment:ident, $row:expr, $invitation:expr, $organization:expr, $user:expr, $name:expr, $by:expr) => {{
        let (user_id, name, organization): (Id<User>, &str, &str) = ($user, $name, &$organization);
        let inviter: Option<(bool, String, String)> = authorities::table
            .find(($environment, $row.inviter_id))
            .select((authorities::active, authorities::permissions, authorities::organizations))
            .get_result($c)
            .await
            .optional()?;
        let Some((true, held, there)) = inviter else { return Err(Error::Refused(Refusal::DeadInvitation)) };
        let named: Vec<(Key, String)> = roles::table
            .filter(roles::environment_id.eq($environment))
            .filter(roles::id.eq_any(Key::all($invitation.role_ids.clone())))
            .order(roles::id)
            .select((roles::id, roles::name))
            .load($c)
            .await?;
        let of_role = permissions::environment_id
            .eq(role_permissions::environment_id)
            .and(permissions::id.eq(role_permissions::permission_id));
        let hold: Vec<(Key, String)> = role_permissions::table
            .inner_join(permissions::table.on(of_role))
            .filter(role_permissions::environment_id.eq($environment))
            .filter(role_permissions::role_id.eq_any(Key::all($invitation.role_ids.clone())))
            .select((role_permissions::role_id, permissions::name))
            .load($c)
            .await?;
        let (given, withheld) = sort_out(named, hold, &held, &there, $row.organization_id.id())?;
        let this = memberships::table
            .filter(memberships::environment_id.eq($environment).and(memberships::user_id.eq(Key::from(user_id))))
            .filter(memberships::organization_id.eq($row.organization_id));
        let known: Option<Key> = this.select(memberships::id).get_result($c).await.optional()?;
        let membership = match known {
            Some(known) => known,
            None => {
                let new = MembershipRow {
                    environment_id: $environment,
                    id: new_id::<Membership>($by.at)?,
                    user_id: user_id.into(),
                    organization_id: $row.organization_id,
                    created_at: $by.at.micros(),
                };
                new.clone().insert_into(memberships::table).execute($c).await?;
                let event = Event::new("membership.created", "membership", new.id.id::<Membership>(), name)
                    .and("user", user_id, name)
                    .and("organization", $row.organization_id.id::<Organization>(), organization);
                let event = given.iter().fold(event, |event, (id, name)| event.and("role", id.id::<Role>(), name));
                entry($environment, &$by, &event)?.insert_into(audit_events::table).execute($c).await?;
                new.id
            }
        };
        for (role, _) in &given {
            let row = MembershipRoleRow {
                environment_id: $environment,
                id: new_id::<MembershipRole>($by.at)?,
                membership_id: membership,
                role_id: *role,
                created_at: $by.at.micros(),
            };
            diesel::insert_into(membership_roles::table).values(row).on_conflict_do_nothing().execute($c).await?;
        }
        let names: Vec<&str> = withheld.iter().map(|(_, name)| name.as_str()).collect();
        let names = (!names.is_empty()).then(|| names.join(" "));
        let event = $row.told("invitation.accepted", organization).and("user", user_id, name);
        let event = event.change("withheld_roles", None, names);
        answer!($c, $environment, $row, InvitationStatus::Accepted, event, $by);
        Accepted {
            organization_id: $row.organization_id.id(),
            organization: organization.to_owned(),
            withheld: withheld.into_iter().map(|(role, _)| role.id()).collect(),
        }
    }};
}

impl Env {
    /// An invitation and what its answer depends on; `None` when there is no such invitation.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn open_invitation(
        &self,
        id: Id<Invitation>,
        token: Option<&SecretHash>,
    ) -> Result<Option<OpenInvitation>> {
        type Row = (InvitationRow, Option<Vec<u8>>, String);
        let (environment, key, token) = (self.key(), Key::from(id), token.copied());
        on!(self.db, read, |c| {
            let organization = organizations::environment_id
                .eq(invitations::environment_id)
                .and(organizations::id.eq(invitations::organization_id));
            let found: Option<Row> = invitations::table
                .inner_join(organizations::table.on(organization))
                .filter(invitations::environment_id.eq(environment).and(invitations::id.eq(key)))
                .select((InvitationRow::as_select(), invitations::token_hash, organizations::name))
                .get_result(c)
                .await
                .optional()?;
            let Some((row, token_hash, organization)) = found else { return Ok(None) };
            let inviter: (String, bool, Option<String>, Option<String>, Option<String>) = users::table
                .find((environment, row.inviter_id))
                .select((users::kind, users::active, users::first_name, users::last_name, users::email))
                .get_result(c)
                .await?;
            let account = users::environment_id.eq(environment).and(users::email_key.eq(row.email_key.clone()));
            let accounts: i64 = users::table.filter(account).count().get_result(c).await?;
            let shortest = environments::table.find(environment).select(environments::password_min_length);
            let shortest: i32 = shortest.get_result(c).await?;
            let given = roles_of!(c, environment, [key]);
            let (kind, alive, first, last, email) = inviter;
            let names: Vec<String> = [first, last].into_iter().flatten().collect();
            let name = if names.is_empty() { email } else { Some(names.join(" ")) };
            Ok(Some(OpenInvitation {
                invitation: row.read(&given)?,
                organization,
                inviter: name.filter(|_| kind == UserKind::Person.as_str()),
                alive,
                token_fits: token.is_some_and(|token| is_token(&token_hash, &token)),
                has_account: accounts > 0,
                password_min_length: shortest,
            }))
        })
    }

    /// Accepts an invitation for the person who is signed in, whose address was invited and is verified; the mailed token
    /// verifies it. The person becomes a member with those of the roles that the inviter still may give. `None` when there
    /// is no such invitation, or the token is not its own.
    ///
    /// # Errors
    /// `Refused` when it cannot be answered any more, when the inviter cannot act any more, or when it is not this
    /// person's to answer.
    pub async fn accept_invitation(
        &self,
        id: Id<Invitation>,
        invited: Invited,
        by: &Context,
    ) -> Result<Option<Accepted>> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        let Some(user_id) = invited.user_id else { return Err(Error::Refused(Refusal::OtherAddress)) };
        on!(self.db, transaction, |c| {
            let (row, invitation, organization) = lock_pending!(c, environment, key, invited, by);
            let user = Key::from(user_id);
            let person = users::table.find((environment, user)).select(Person::as_select());
            let person: Option<Person> = person.get_result(c).await.optional()?;
            bar(&row, person.as_ref(), invited.token.is_some())?;
            if invitation.status_at(by.at) != InvitationStatus::Pending {
                return Err(Error::Refused(Refusal::AnsweredInvitation));
            }
            let name: String =
                authorities::table.find((environment, user)).select(authorities::name).get_result(c).await?;
            if let Some(person) = person.filter(|person| !person.email_verified) {
                let at = by.at.after(Timestamp::from_micros(person.updated_at));
                let verified = (users::email_verified.eq(true), users::updated_at.eq(at.micros()));
                diesel::update(users::table.find((environment, user))).set(verified).execute(c).await?;
                let event = Event::new("user.updated", "user", user_id, &name).change(
                    "email_verified",
                    Some("false".to_owned()),
                    Some("true".to_owned()),
                );
                entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            }
            Ok(Some(join!(c, environment, row, invitation, organization, user_id, &name, by)))
        })
    }

    /// Accepts an invitation for somebody new, who holds the mailed token: makes the account with the invited address,
    /// the membership, and the session if there shall be one, and says when that ends. `None` when there is no such
    /// invitation, or the token is not its own.
    ///
    /// # Errors
    /// As [`accept_invitation`](Self::accept_invitation); `Conflict` when the address has an account meanwhile.
    pub async fn accept_invitation_as_new(
        &self,
        id: Id<Invitation>,
        token: SecretHash,
        person: NewPerson,
        session: Option<NewSession>,
        by: &Context,
    ) -> Result<Option<(Accepted, Option<Timestamp>)>> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let invited = Invited { token: Some(token), user_id: None };
            let (row, invitation, organization) = lock_pending!(c, environment, key, invited, by);
            if invitation.status_at(by.at) != InvitationStatus::Pending {
                return Err(Error::Refused(Refusal::AnsweredInvitation));
            }
            if person.email.key() != row.email_key {
                return Err(Error::Refused(Refusal::OtherAddress));
            }
            let (user_id, name) = (person.id, person.email.as_str().to_owned());
            let person = NewPerson { email_verified: true, ..person };
            NewUserRow::person(environment, person, by.at).insert_into(users::table).execute(c).await?;
            let registered = Event::new("user.registered", "user", user_id, &name);
            entry(environment, &by, &registered)?.insert_into(audit_events::table).execute(c).await?;
            let accepted = join!(c, environment, row, invitation, organization, user_id, &name, by);
            let Some(session) = session else { return Ok(Some((accepted, None))) };
            let session_id = session.id;
            let ttl: i64 =
                environments::table.find(environment).select(environments::session_ttl).get_result(c).await?;
            let session = NewSessionRow::new(environment, session, by.at, ttl);
            session.insert_into(sessions::table).execute(c).await?;
            let begun = Event::new("session.created", "session", session_id, &name).and("user", user_id, &name);
            entry(environment, &by, &begun)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some((accepted, Some(by.at.plus_seconds(ttl)))))
        })
    }

    /// Declines an invitation: the mailed token is enough, and so is being signed in with the verified address. `None` when
    /// there is no such invitation, or the token is not its own.
    ///
    /// # Errors
    /// `Refused` when it cannot be answered any more, or is not this person's to answer.
    pub async fn decline_invitation(&self, id: Id<Invitation>, invited: Invited, by: &Context) -> Result<Option<()>> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let (row, invitation, organization) = lock_pending!(c, environment, key, invited, by);
            if invited.token.is_none() {
                let user = Key::from(invited.user_id.ok_or(Error::Refused(Refusal::OtherAddress))?);
                let person = users::table.find((environment, user)).select(Person::as_select());
                let person: Option<Person> = person.get_result(c).await.optional()?;
                bar(&row, person.as_ref(), false)?;
            }
            if invitation.status_at(by.at) != InvitationStatus::Pending {
                return Err(Error::Refused(Refusal::AnsweredInvitation));
            }
            let event = row.told("invitation.declined", &organization);
            answer!(c, environment, row, InvitationStatus::Declined, event, by);
            Ok(Some(()))
        })
    }
}

/// Whether this is the token that was mailed.
fn is_token(stored: &Option<Vec<u8>>, presented: &SecretHash) -> bool {
    let stored = stored.clone().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    stored.is_some_and(|stored| SecretHash::from_bytes(stored) == *presented)
}

/// Why a person who is signed in may not answer an invitation.
fn bar(row: &InvitationRow, person: Option<&Person>, has_token: bool) -> Result<()> {
    match person.filter(|person| person.email_key.as_deref() == Some(&row.email_key)) {
        None => Err(Error::Refused(Refusal::OtherAddress)),
        Some(person) if !person.email_verified && !has_token => Err(Error::Refused(Refusal::UnverifiedAddress)),
        Some(_) => Ok(()),
    }
}

/// Those of the roles that the inviter still may give in this organization, and the others.
#[expect(clippy::type_complexity, reason = "two lists of the same rows")]
fn sort_out(
    named: Vec<(Key, String)>,
    hold: Vec<(Key, String)>,
    held: &str,
    there: &str,
    organization: Id<Organization>,
) -> Result<(Vec<(Key, String)>, Vec<(Key, String)>)> {
    let held: Permissions = names(held)?.into_iter().collect();
    let there = by_organization(there)?;
    let mut permissions = BTreeMap::<Id<Role>, Vec<String>>::new();
    for (role, permission) in hold {
        permissions.entry(role.id()).or_default().push(permission);
    }
    let may_give = |(role, _): &(Key, String)| {
        let granted: Permissions = permissions.get(&role.id()).cloned().unwrap_or_default().into_iter().collect();
        policy::lacking(&granted, &held, there.get(&organization)).is_none()
    };
    Ok(named.into_iter().partition(may_give))
}
