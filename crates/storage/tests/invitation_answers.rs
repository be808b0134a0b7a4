//! Invitations that are answered: by whom, how often, and with which roles.

use paylent_domain::{
    Id,
    audit::Context,
    invitation::{HOURLY_LIMIT, Invitation, InvitationStatus},
    organization::Organization,
    role::Role,
    user::{NewPerson, User, UserChange},
};
use paylent_oauth::crypto::secret::{SecretHash, random_bytes};
use paylent_storage::{
    Accepted, AuditFilter, Env, Error, Expected, Invited, MembershipFilter, NewInvitation, NewRole, Refusal,
};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, assign, invitation, is, is_refused, mail, member, membership_role, on_nodes, organization, person, role,
    session, work,
};

/// An organization, who invites into it, and who is invited, with an address that is verified.
struct Scene {
    env: Env,
    inviter: Id<User>,
    shop: Id<Organization>,
    john: Id<User>,
}

const JOHN: &str = "john@example.com";

impl Scene {
    async fn new(database: &TestDatabase) -> Self {
        let env = seed::environment(&database.db(), "acme").await.env;
        let inviter = person(&env, "jane@example.com").await;
        assign(&env, inviter, role(&env, "admin").await).await;
        let scene = Self { shop: organization(&env, "Shop").await, john: person(&env, JOHN).await, inviter, env };
        scene.verify(database, true).await;
        scene
    }

    async fn verify(&self, database: &TestDatabase, verified: bool) {
        let this = is(database, &self.env, self.john);
        database.execute(&format!("UPDATE users SET email_verified = {verified} WHERE {this}")).await;
    }

    fn new_invitation(&self, roles: &[Id<Role>]) -> NewInvitation {
        NewInvitation { role_ids: roles.to_vec(), ..invitation(self.inviter, self.shop, JOHN) }
    }

    async fn invite(&self, roles: &[Id<Role>]) -> (Invitation, SecretHash) {
        let new = self.new_invitation(roles);
        let token = new.token_hash;
        (self.env.create_invitation(new, &by()).await.unwrap(), token)
    }

    async fn accept(&self, id: Id<Invitation>, invited: Invited) -> Result<Option<Accepted>, Error> {
        self.env.accept_invitation(id, invited, &by()).await
    }

    const fn signed_in(&self) -> Invited {
        Invited { token: None, user_id: Some(self.john) }
    }

    async fn members(&self) -> usize {
        let here = MembershipFilter { organization_id: Some(self.shop), ..MembershipFilter::default() };
        self.env.memberships(here, ALL).await.unwrap().rows.len()
    }

    async fn status(&self, id: Id<Invitation>) -> InvitationStatus {
        self.env.invitation(id).await.unwrap().unwrap().status
    }
}

fn at(now: &Context, seconds: i64) -> Context {
    Context { at: now.at.plus_seconds(seconds), ..now.clone() }
}

fn newcomer(email: &str) -> NewPerson {
    NewPerson { first_name: Some("John".to_owned()), ..seed::person(email) }
}

both! {
    async fn an_accepted_invitation_makes_a_member_with_its_roles(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let viewer = role(&scene.env, "viewer").await;
        let (invitation, _) = scene.invite(&[viewer]).await;
        let accepted = scene.accept(invitation.id, scene.signed_in()).await.unwrap().unwrap();
        assert_eq!((accepted.organization_id, accepted.organization.as_str()), (scene.shop, "Shop"));
        assert_eq!((accepted.withheld, scene.members().await), (Vec::new(), 1));
        let held = scene.env.authority(scene.john).await.unwrap().unwrap();
        assert!(held.organizations[&scene.shop].contains("users:read") && !held.permissions.contains("users:read"));
        assert_eq!(scene.status(invitation.id).await, InvitationStatus::Accepted);
        let told = scene.env.audit_events(AuditFilter::default(), ALL).await.unwrap().rows;
        let told = |action: &str| told.iter().find(|entry| entry.action == action).unwrap();
        let kinds: Vec<_> = told("membership.created").targets.iter().map(|target| target.kind.to_string()).collect();
        assert_eq!(kinds, ["membership", "user", "organization", "role"]);
        assert_eq!(told("invitation.accepted").changes, []);
    }

    async fn iv_once_an_invitation_is_answered_once(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        scene.accept(invitation.id, scene.signed_in()).await.unwrap().unwrap();
        is_refused(scene.accept(invitation.id, scene.signed_in()).await, Refusal::AnsweredInvitation);
        let by_token = Invited { token: Some(token), user_id: None };
        is_refused(scene.env.decline_invitation(invitation.id, by_token, &by()).await, Refusal::AnsweredInvitation);
        assert_eq!(scene.members().await, 1);
    }

    async fn iv_once_of_many_acceptances_and_a_revocation_at_once_one_wins(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        // One address gets five invitations an hour.
        for _ in 0..5 {
            let (invitation, _) = scene.invite(&[]).await;
            let (id, invited) = (invitation.id, scene.signed_in());
            let mut works: Vec<_> = (0..6)
                .map(|_| work(move |env: Env| async move {
                    match env.accept_invitation(id, invited, &by()).await {
                        Ok(joined) => joined.map(|_| "accepted"),
                        Err(Error::Refused(Refusal::AnsweredInvitation)) => None,
                        Err(error) => panic!("{error}"),
                    }
                }))
                .collect();
            works.push(work(move |env: Env| async move {
                match env.revoke_invitation(id, &Expected::Any, &by()).await {
                    Ok(revoked) => revoked.map(|_| "revoked"),
                    Err(Error::Refused(Refusal::AnsweredInvitation)) => None,
                    Err(error) => panic!("{error}"),
                }
            }));
            let won: Vec<&str> = on_nodes(database.url(), &scene.env, works).into_iter().flatten().collect();
            assert_eq!(won.len(), 1, "{won:?}");
            assert_eq!(scene.status(id).await.as_str(), won[0]);
            assert_eq!(scene.members().await, usize::from(won[0] == "accepted"));
            let here = MembershipFilter { organization_id: Some(scene.shop), ..MembershipFilter::default() };
            for membership in scene.env.memberships(here, ALL).await.unwrap().rows {
                scene.env.delete_membership(membership.id, &Expected::Any, &by()).await.unwrap();
            }
        }
    }

    async fn iv_once_of_many_newcomers_with_one_token_one_joins(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let new = NewInvitation { email: "new@example.com".parse().unwrap(), ..scene.new_invitation(&[]) };
        let token = new.token_hash;
        let id = scene.env.create_invitation(new, &by()).await.unwrap().id;
        let works = (0..6).map(|_| work(move |env: Env| async move {
            let (new, by) = (newcomer("new@example.com"), by());
            let session = Some(session(new.id));
            env.accept_invitation_as_new(id, token, new, session, &by).await.is_ok_and(|joined| joined.is_some())
        }));
        let joined = on_nodes(database.url(), &scene.env, works.collect());
        assert_eq!(joined.into_iter().filter(|joined| *joined).count(), 1);
        assert_eq!(scene.members().await, 1);
        assert_eq!(database.count("users WHERE email_key = 'new@example.com' AND email_verified").await, 1);
        assert_eq!(database.count("sessions").await, 1);
    }

    async fn iv_tamper_a_wrong_token_is_an_unknown_invitation(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        let before = database.dump().await;
        let mut bytes = *token.as_bytes();
        bytes[31] ^= 1;
        for wrong in [SecretHash::from_bytes(bytes), SecretHash::from_bytes(random_bytes().unwrap())] {
            let invited = Invited { token: Some(wrong), user_id: Some(scene.john) };
            assert!(scene.accept(invitation.id, invited).await.unwrap().is_none());
            assert!(scene.env.decline_invitation(invitation.id, invited, &by()).await.unwrap().is_none());
            let (new, by) = (newcomer(JOHN), by());
            let session = Some(session(new.id));
            let joined = scene.env.accept_invitation_as_new(invitation.id, wrong, new, session, &by).await;
            assert!(joined.unwrap().is_none());
            assert!(!scene.env.open_invitation(invitation.id, Some(&wrong)).await.unwrap().unwrap().token_fits);
        }
        assert!(scene.accept(new_id(), scene.signed_in()).await.unwrap().is_none());
        assert_eq!(database.dump().await, before);
        assert!(scene.env.open_invitation(invitation.id, Some(&token)).await.unwrap().unwrap().token_fits);
    }

    async fn iv_expiry_an_invitation_expires_by_the_clock(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        let left = invitation.expires_at.seconds() - by().at.seconds();
        let invited = Invited { token: Some(token), user_id: Some(scene.john) };
        let late = at(&by(), left + 1);
        is_refused(scene.env.accept_invitation(invitation.id, invited, &late).await, Refusal::AnsweredInvitation);
        is_refused(scene.env.decline_invitation(invitation.id, invited, &late).await, Refusal::AnsweredInvitation);
        assert_eq!(scene.members().await, 0);
        scene.env.accept_invitation(invitation.id, invited, &at(&by(), left - 10)).await.unwrap().unwrap();
    }

    async fn iv_email_only_the_invited_and_verified_address_accepts(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        let eve = person(&scene.env, "eve@example.com").await;
        let before = database.dump().await;
        for presented in [None, Some(token)] {
            let invited = Invited { token: presented, user_id: Some(eve) };
            is_refused(scene.accept(invitation.id, invited).await, Refusal::OtherAddress);
        }
        let nobody = Invited { token: Some(token), user_id: None };
        is_refused(scene.accept(invitation.id, nobody).await, Refusal::OtherAddress);
        let new = newcomer("mallory@example.com");
        let as_new = scene.env.accept_invitation_as_new(invitation.id, token, new.clone(), Some(session(new.id)), &by()).await;
        is_refused(as_new, Refusal::OtherAddress);
        assert_eq!(database.dump().await, before);
        scene.verify(&database, false).await;
        is_refused(scene.accept(invitation.id, scene.signed_in()).await, Refusal::UnverifiedAddress);
        is_refused(
            scene.env.decline_invitation(invitation.id, scene.signed_in(), &by()).await,
            Refusal::UnverifiedAddress,
        );
        assert_eq!(scene.members().await, 0);
        let invited = Invited { token: Some(token), user_id: Some(scene.john) };
        scene.accept(invitation.id, invited).await.unwrap().unwrap();
        let john = scene.env.user(scene.john).await.unwrap().unwrap();
        assert!(john.email_verified, "the token was mailed there");
    }

    async fn iv_email_an_account_that_exists_is_not_made_again(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        let before = database.dump().await;
        let new = newcomer("John@Example.com");
        let taken = scene.env.accept_invitation_as_new(invitation.id, token, new.clone(), Some(session(new.id)), &by()).await;
        assert!(matches!(taken, Err(Error::Conflict)), "{taken:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn iv_role_a_role_that_the_inviter_cannot_give_any_more_is_withheld(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let env = &scene.env;
        let make = async |name: &str, permissions: &[&str]| {
            let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
            let new = NewRole { id: new_id(), name: name.to_owned(), description: None, permissions };
            env.create_role(new, &by()).await.unwrap().id
        };
        let reader = make("reader", &["users:read"]).await;
        let writer = make("writer", &["users:read", "users:update"]).await;
        let empty = make("empty", &[]).await;
        // Holds one permission in the environment, and another one in the organization.
        let chief = person(env, "chief@example.com").await;
        assign(env, chief, reader).await;
        let elsewhere = make("elsewhere", &["roles:read"]).await;
        let there = member(env, chief, scene.shop).await;
        env.create_membership_role(membership_role(&there, elsewhere), &by()).await.unwrap();
        let new = NewInvitation { inviter_id: chief, ..scene.new_invitation(&[reader, writer, empty, elsewhere]) };
        let id = env.create_invitation(new, &by()).await.unwrap().id;
        let accepted = scene.accept(id, scene.signed_in()).await.unwrap().unwrap();
        assert_eq!(accepted.withheld, [writer]);
        let held = env.authority(scene.john).await.unwrap().unwrap().organizations[&scene.shop].clone();
        assert_eq!(held.iter().collect::<Vec<_>>(), ["roles:read", "users:read"]);
        let told = env.audit_events(AuditFilter::default(), ALL).await.unwrap().rows;
        let told = told.iter().find(|entry| entry.action == "invitation.accepted").unwrap();
        assert_eq!((told.changes[0].field.as_ref(), told.changes[0].to.as_deref()), ("withheld_roles", Some("writer")));
    }

    async fn iv_dead_an_inviter_who_cannot_act_makes_the_invitation_worthless(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let other_admin = person(&scene.env, "admin@example.com").await;
        assign(&scene.env, other_admin, role(&scene.env, "admin").await).await;
        let (invitation, token) = scene.invite(&[]).await;
        let off = UserChange { active: Some(false), ..UserChange::default() };
        scene.env.update_user(scene.inviter, off, &Expected::Any, &by()).await.unwrap();
        let invited = Invited { token: Some(token), user_id: Some(scene.john) };
        is_refused(scene.accept(invitation.id, invited).await, Refusal::DeadInvitation);
        assert!(!scene.env.open_invitation(invitation.id, None).await.unwrap().unwrap().alive);
        assert_eq!(scene.members().await, 0);
    }

    async fn iv_dead_an_invitation_goes_with_its_organization(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        assert!(scene.env.delete_organization(scene.shop, &Expected::Any, &by()).await.unwrap());
        let invited = Invited { token: Some(token), user_id: Some(scene.john) };
        assert!(scene.accept(invitation.id, invited).await.unwrap().is_none());
    }

    async fn iv_org_an_invitation_of_another_environment_is_unknown(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        let other = seed::environment(&database.db(), "other").await.env;
        let john = person(&other, JOHN).await;
        let invited = Invited { token: Some(token), user_id: Some(john) };
        assert!(other.open_invitation(invitation.id, Some(&token)).await.unwrap().is_none());
        assert!(other.accept_invitation(invitation.id, invited, &by()).await.unwrap().is_none());
        assert!(other.decline_invitation(invitation.id, invited, &by()).await.unwrap().is_none());
        assert_eq!(scene.status(invitation.id).await, InvitationStatus::Pending);
    }

    async fn a_declined_invitation_makes_no_member(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let (invitation, token) = scene.invite(&[]).await;
        let by_token = Invited { token: Some(token), user_id: None };
        scene.env.decline_invitation(invitation.id, by_token, &by()).await.unwrap().unwrap();
        assert_eq!((scene.status(invitation.id).await, scene.members().await), (InvitationStatus::Declined, 0));
        is_refused(scene.accept(invitation.id, scene.signed_in()).await, Refusal::AnsweredInvitation);
    }

    async fn iv_flood_one_inviter_and_one_organization_invite_only_so_many_in_an_hour(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let other = organization(&scene.env, "Other").await;
        let (now, colleague) = (by(), person(&scene.env, "colleague@example.com").await);
        let invite = async |inviter, organization, number: i64, now: &Context| {
            let new = invitation(inviter, organization, &format!("john{number}@example.com"));
            scene.env.create_invitation(NewInvitation { mail: mail(), ..new }, now).await
        };
        for number in 0..HOURLY_LIMIT {
            invite(scene.inviter, scene.shop, number, &now).await.unwrap();
        }
        let (invitations, mails) = (database.count("invitations").await, database.count("mails").await);
        let limit = usize::try_from(HOURLY_LIMIT).unwrap();
        assert_eq!((invitations, mails), (limit, limit));
        assert!(matches!(invite(scene.inviter, scene.shop, 100, &now).await, Err(Error::TooMany { .. })));
        assert!(matches!(invite(scene.inviter, other, 100, &now).await, Err(Error::TooMany { .. })));
        assert!(matches!(invite(colleague, scene.shop, 100, &now).await, Err(Error::TooMany { .. })));
        assert_eq!(database.count("mails").await, mails, "no mail goes out");
        invite(colleague, other, 100, &now).await.unwrap();
        invite(scene.inviter, scene.shop, 101, &at(&now, 3_601)).await.unwrap();
    }
}
