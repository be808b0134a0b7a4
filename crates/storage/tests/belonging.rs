//! What holds for every change of organizations, memberships, invitations and sessions: it leaves one event or does not
//! happen, and it reaches no other environment.

use std::fmt::Debug;

use paylent_domain::{
    Id,
    audit::Context,
    invitation::Invitation,
    organization::{Membership, MembershipRole, Organization},
    role::Role,
    session::Session,
    user::User,
};
use paylent_storage::{
    Env, Error, Expected, InvitationFilter, MembershipFilter, MembershipRoleFilter, NewInvitation, NewOrganization,
    NewRole, OrganizationFilter, Page, SessionFilter,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, UNUSED_FOR_A_MINUTE, environment, invitation, member, membership, membership_role, of_ids, organization,
    person, role, session,
};

/// The ids of one thing of each kind, and of a user and a role that nothing refers to yet.
#[derive(Debug, Clone, Copy)]
struct Ids {
    user: Id<User>,
    role: Id<Role>,
    organization: Id<Organization>,
    membership: Id<Membership>,
    membership_role: Id<MembershipRole>,
    invitation: Id<Invitation>,
    session: Id<Session>,
    free_user: Id<User>,
    free_role: Id<Role>,
}

/// Every way to make, change or delete one of them.
#[derive(Debug, Clone, Copy)]
enum Way {
    CreateOrganization,
    CreateMembership,
    CreateMembershipRole,
    CreateInvitation,
    CreateSession,
    TouchSession,
    RevokeSession,
    DeleteSession,
    RevokeInvitation,
    DeleteInvitation,
    DeleteMembershipRole,
    DeleteMembership,
    DeleteOrganization,
}

both! {
    async fn lg_audit_each_change_of_what_belongs_where_leaves_one_event(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let ids = Ids::of(&env).await;
        database.execute(UNUSED_FOR_A_MINUTE).await;
        let mine = environment(&database, &env);
        let actions = async || {
            let actions = format!("SELECT action FROM audit_events WHERE environment_id = {mine} ORDER BY id");
            database.values(&actions).await
        };
        for way in Way::ALL {
            let before = actions().await;
            assert!(way.take(&env, &ids).await.unwrap(), "{way:?}");
            let after = actions().await;
            assert_eq!(after[..before.len()], before);
            assert_eq!(after[before.len()..], [way.action()], "{way:?}");
        }
    }

    async fn lg_audit_a_change_of_what_belongs_where_whose_event_cannot_be_written_does_not_happen(
        database: TestDatabase
    ) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let ids = Ids::of(&env).await;
        database.execute(UNUSED_FOR_A_MINUTE).await;
        database.execute("ALTER TABLE audit_events RENAME TO elsewhere").await;
        let before = database.dump().await;
        for way in Way::ALL {
            let outcome = way.take(&env, &ids).await;
            assert!(outcome.is_err(), "{way:?}: {outcome:?}");
            assert_eq!(database.dump().await, before, "{way:?} leaves nothing");
        }
    }

    async fn rb_xenv_id_what_belongs_in_another_environment_is_read_as_unknown(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await.env, seed::environment(&db, "acme").await.env);
        let empty = lengths(&ours).await;
        let theirs = Ids::of(&other).await;
        assert_eq!(lengths(&ours).await, empty);
        assert!(read(&other, &theirs).await.iter().all(|(_, found)| *found), "they are there");
        let answers = read(&ours, &theirs).await;
        assert!(answers.iter().all(|(_, found)| !found), "{answers:?}");
    }

    async fn rb_xenv_id_what_belongs_in_another_environment_is_changed_and_referred_to_as_unknown(
        database: TestDatabase
    ) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await.env, seed::environment(&db, "acme").await.env);
        let (theirs, own) = (Ids::of(&other).await, Ids::of(&ours).await);
        let before = database.dump().await;
        for foreign in [theirs, Ids::of_nothing()] {
            for way in &Way::ALL[5..] {
                assert!(!way.take(&ours, &foreign).await.unwrap(), "{way:?}");
            }
            for mixed in [
                Ids { free_user: foreign.user, ..own },
                Ids { organization: foreign.organization, ..own },
            ] {
                refers_to_nothing(Way::CreateMembership.take(&ours, &mixed).await);
            }
            for mixed in [
                Ids { membership: foreign.membership, ..own },
                Ids { free_role: foreign.role, ..own },
            ] {
                refers_to_nothing(Way::CreateMembershipRole.take(&ours, &mixed).await);
            }
            for mixed in [
                Ids { organization: foreign.organization, ..own },
                Ids { user: foreign.user, ..own },
                Ids { free_role: foreign.role, ..own },
            ] {
                refers_to_nothing(Way::CreateInvitation.take(&ours, &mixed).await);
            }
            refers_to_nothing(Way::CreateSession.take(&ours, &Ids { user: foreign.user, ..own }).await);
        }
        assert_eq!(database.dump().await, before, "nothing changed");
    }
}

impl Ids {
    /// What there is in an environment, after there is something of every kind.
    async fn of(env: &Env) -> Self {
        let user = person(env, "jane@example.com").await;
        let (organization, viewer) = (organization(env, "Shop").await, role(env, "viewer").await);
        let membership = member(env, user, organization).await;
        let held = env.create_membership_role(membership_role(&membership, viewer), &by()).await.unwrap();
        let clerk =
            NewRole { id: new_id(), name: "clerk".to_owned(), description: None, permissions: Default::default() };
        let invitation = invitation(user, organization, "invited@example.com");
        Self {
            user,
            role: viewer,
            organization,
            membership: membership.id,
            membership_role: held.id,
            invitation: env.create_invitation(invitation, &by()).await.unwrap().id,
            session: env.create_session(session(user), &by()).await.unwrap().id,
            free_user: person(env, "john@example.com").await,
            free_role: env.create_role(clerk, &by()).await.unwrap().id,
        }
    }

    /// Ids that nothing has.
    fn of_nothing() -> Self {
        Self {
            user: new_id(),
            role: new_id(),
            organization: new_id(),
            membership: new_id(),
            membership_role: new_id(),
            invitation: new_id(),
            session: new_id(),
            free_user: new_id(),
            free_role: new_id(),
        }
    }
}

impl Way {
    /// In an order in which each succeeds.
    const ALL: [Self; 13] = [
        Self::CreateOrganization,
        Self::CreateMembership,
        Self::CreateMembershipRole,
        Self::CreateInvitation,
        Self::CreateSession,
        Self::TouchSession,
        Self::RevokeSession,
        Self::DeleteSession,
        Self::RevokeInvitation,
        Self::DeleteInvitation,
        Self::DeleteMembershipRole,
        Self::DeleteMembership,
        Self::DeleteOrganization,
    ];

    const fn action(self) -> &'static str {
        match self {
            Self::CreateOrganization => "organization.created",
            Self::CreateMembership => "membership.created",
            Self::CreateMembershipRole => "membership_role.created",
            Self::CreateInvitation => "invitation.created",
            Self::CreateSession => "session.created",
            Self::TouchSession => "session.touched",
            Self::RevokeSession => "session.revoked",
            Self::DeleteSession => "session.deleted",
            Self::RevokeInvitation => "invitation.revoked",
            Self::DeleteInvitation => "invitation.deleted",
            Self::DeleteMembershipRole => "membership_role.deleted",
            Self::DeleteMembership => "membership.deleted",
            Self::DeleteOrganization => "organization.deleted",
        }
    }

    /// Whether there was something to change.
    async fn take(self, env: &Env, ids: &Ids) -> Result<bool, Error> {
        let (any, by): (_, &Context) = (&Expected::Any, &by());
        Ok(match self {
            Self::CreateOrganization => {
                let new = NewOrganization { id: new_id(), name: "Bank".to_owned(), slug: None };
                env.create_organization(new, by).await.map(|_| true)?
            }
            Self::CreateMembership => {
                env.create_membership(membership(ids.free_user, ids.organization), by).await.map(|_| true)?
            }
            Self::CreateMembershipRole => {
                let at = Membership { id: ids.membership, ..membership(ids.user, ids.organization) };
                env.create_membership_role(membership_role(&at, ids.free_role), by).await.map(|_| true)?
            }
            Self::CreateInvitation => {
                let new = invitation(ids.user, ids.organization, "other@example.com");
                env.create_invitation(NewInvitation { role_ids: vec![ids.free_role], ..new }, by).await.map(|_| true)?
            }
            Self::CreateSession => env.create_session(session(ids.user), by).await.map(|_| true)?,
            Self::TouchSession => env.touch_session(ids.session, any, by).await?.is_some(),
            Self::RevokeSession => env.revoke_session(ids.session, any, by).await?.is_some(),
            Self::DeleteSession => env.delete_session(ids.session, any, by).await?,
            Self::RevokeInvitation => env.revoke_invitation(ids.invitation, any, by).await?.is_some(),
            Self::DeleteInvitation => env.delete_invitation(ids.invitation, any, by).await?,
            Self::DeleteMembershipRole => env.delete_membership_role(ids.membership_role, any, by).await?,
            Self::DeleteMembership => env.delete_membership(ids.membership, any, by).await?,
            Self::DeleteOrganization => env.delete_organization(ids.organization, any, by).await?,
        })
    }
}

#[track_caller]
fn refers_to_nothing<T: Debug>(outcome: Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
}

/// Whether each function that reads finds something.
async fn read(env: &Env, ids: &Ids) -> Vec<(&'static str, bool)> {
    let user = Some(ids.user);
    let into = |organization_id, within| InvitationFilter { organization_id, within, ..any_invitation() };
    let theirs = || Some(vec![ids.organization]);
    let members = |user_id, organization_id, within| MembershipFilter { user_id, organization_id, within };
    let held = |membership_id, role_id, within| MembershipRoleFilter { membership_id, role_id, within };
    let organizations = |user_id, within| OrganizationFilter { user_id, slug: None, within };
    vec![
        ("organization", env.organization(ids.organization).await.unwrap().is_some()),
        ("membership", env.membership(ids.membership).await.unwrap().is_some()),
        ("membership role", env.membership_role(ids.membership_role).await.unwrap().is_some()),
        ("invitation", env.invitation(ids.invitation).await.unwrap().is_some()),
        ("session", env.session(ids.session).await.unwrap().is_some()),
        ("roles of memberships", !env.roles_of_memberships(vec![ids.membership]).await.unwrap().is_empty()),
        ("organizations of a user", any(env.organizations(organizations(user, None), ALL).await)),
        ("organizations within", any(env.organizations(organizations(None, theirs()), ALL).await)),
        ("organizations", any(env.organizations(organizations(None, None), of_ids(&[ids.organization])).await)),
        ("memberships of a user", any(env.memberships(members(user, None, None), ALL).await)),
        ("memberships in", any(env.memberships(members(None, Some(ids.organization), None), ALL).await)),
        ("memberships within", any(env.memberships(members(None, None, theirs()), ALL).await)),
        ("memberships", any(env.memberships(members(None, None, None), of_ids(&[ids.membership])).await)),
        ("roles of a member", any(env.membership_roles(held(Some(ids.membership), None, None), ALL).await)),
        ("members with a role", any(env.membership_roles(held(None, Some(ids.role), None), ALL).await)),
        ("roles within", any(env.membership_roles(held(None, None, theirs()), ALL).await)),
        ("roles", any(env.membership_roles(held(None, None, None), of_ids(&[ids.membership_role])).await)),
        ("invitations into", any(env.invitations(into(Some(ids.organization), None), ALL).await)),
        ("invitations within", any(env.invitations(into(None, theirs()), ALL).await)),
        ("invitations", any(env.invitations(any_invitation(), of_ids(&[ids.invitation])).await)),
        ("sessions of a user", any(env.sessions(SessionFilter { user_id: user, revoked: None }, ALL).await)),
        ("sessions", any(env.sessions(SessionFilter::default(), of_ids(&[ids.session])).await)),
    ]
}

fn any<T>(listed: Result<paylent_storage::Listed<T>, Error>) -> bool {
    !listed.unwrap().rows.is_empty()
}

fn any_invitation() -> InvitationFilter {
    InvitationFilter { organization_id: None, status: None, not_status: None, now: by().at, within: None }
}

/// How many rows every list has.
async fn lengths(env: &Env) -> Vec<Option<i64>> {
    let page = || Page { counted: true, ..ALL };
    vec![
        env.organizations(OrganizationFilter::default(), page()).await.unwrap().total,
        env.memberships(MembershipFilter::default(), page()).await.unwrap().total,
        env.membership_roles(MembershipRoleFilter::default(), page()).await.unwrap().total,
        env.invitations(any_invitation(), page()).await.unwrap().total,
        env.sessions(SessionFilter::default(), page()).await.unwrap().total,
    ]
}
