//! Invitations: who may be invited, how often, and until when.

use paylent_domain::{
    Id, Timestamp,
    audit::Context,
    invitation::{Invitation, InvitationStatus},
};
use paylent_storage::{Env, Error, Expected, InvitationFilter, NameIs, NewInvitation, Order, Page, Refusal};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, invitation, is_refused, member, named, on_nodes, organization, person, role, stale, work};

both! {
    async fn an_invitation_is_read_as_it_was_made(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let (admin, viewer) = (role(&env, "admin").await, role(&env, "viewer").await);
        let mut sorted = vec![admin, viewer];
        sorted.sort();
        let role_ids = vec![sorted[1], sorted[0], sorted[1]];
        let new = NewInvitation { role_ids, ..invitation(jane, shop, "John@Example.com") };
        let by = by();
        let made = env.create_invitation(new.clone(), &by).await.unwrap();
        let expected = Invitation {
            id: new.id,
            organization_id: shop,
            inviter_id: jane,
            email: new.email,
            role_ids: sorted,
            status: InvitationStatus::Pending,
            expires_at: new.expires_at,
            created_at: by.at,
            updated_at: by.at,
        };
        assert_eq!(made, expected);
        assert_eq!(env.invitation(new.id).await.unwrap(), Some(expected));
    }

    async fn an_invitation_names_only_what_is_there(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let viewer = role(&env, "viewer").await;
        let good = invitation(jane, shop, "john@example.com");
        let before = database.dump().await;
        for wrong in [
            NewInvitation { organization_id: new_id(), ..good.clone() },
            NewInvitation { inviter_id: new_id(), ..good.clone() },
            NewInvitation { role_ids: vec![viewer, new_id()], ..good.clone() },
        ] {
            let outcome = env.create_invitation(wrong, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        assert_eq!(database.dump().await, before);
        assert_eq!(env.create_invitation(good, &by()).await.unwrap().role_ids, []);
    }

    async fn a_member_is_not_invited_again(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let (shop, bank) = (organization(&env, "Shop").await, organization(&env, "Bank").await);
        member(&env, john, shop).await;
        let again = env.create_invitation(invitation(jane, shop, "JOHN@example.com"), &by()).await;
        is_refused(again, Refusal::AlreadyMember);
        env.create_invitation(invitation(jane, bank, "john@example.com"), &by()).await.unwrap();
        env.create_invitation(invitation(jane, shop, "jane@example.com"), &by()).await.unwrap();
    }

    async fn iv_expiry_somebody_has_one_invitation_at_a_time_that_can_be_answered(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let first = env.create_invitation(invitation(jane, shop, "john@example.com"), &by()).await.unwrap();
        let again = env.create_invitation(invitation(jane, shop, "John@Example.com"), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        let at = |moment: Timestamp| Context { at: moment, ..by() };
        let until = |moment: Timestamp| {
            let expires_at = moment.plus_seconds(3_600);
            NewInvitation { expires_at, ..invitation(jane, shop, "john@example.com") }
        };
        let second = env.create_invitation(until(first.expires_at), &at(first.expires_at)).await.unwrap();
        let gone = env.invitation(first.id).await.unwrap().unwrap();
        assert_eq!(gone, Invitation { status: InvitationStatus::Expired, ..first }, "it reads as it did by the clock");
        env.revoke_invitation(second.id, &Expected::Any, &at(second.created_at)).await.unwrap().unwrap();
        env.create_invitation(until(second.expires_at), &at(second.created_at)).await.unwrap();
    }

    async fn ap_dup_race_of_invitations_made_at_once_one_is_made(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        for n in 0..5 {
            let email = format!("john{n}@example.com");
            let late = env.create_invitation(invitation(jane, shop, &email), &by()).await.unwrap();
            let now = Context { at: late.expires_at, ..by() };
            let works = (0..4).map(|_| {
                let expires_at = late.expires_at.plus_seconds(60);
                let (new, now) = (NewInvitation { expires_at, ..invitation(jane, shop, &email) }, now.clone());
                work(move |env: Env| async move { env.create_invitation(new, &now).await })
            });
            let outcomes = on_nodes(database.url(), &env, works.collect());
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
            for outcome in outcomes {
                assert!(matches!(outcome, Ok(_) | Err(Error::Conflict)), "{outcome:?}");
            }
        }
    }

    async fn an_invitation_is_taken_back_while_it_is_pending(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let role_ids = vec![role(&env, "viewer").await];
        let new = NewInvitation { role_ids, ..invitation(jane, shop, "john@example.com") };
        let made = env.create_invitation(new, &by()).await.unwrap();
        let late = Context { at: made.expires_at, ..by() };
        is_refused(env.revoke_invitation(made.id, &Expected::Any, &late).await, Refusal::AnsweredInvitation);
        let at = by();
        let revoked = env.revoke_invitation(made.id, &Expected::Any, &at).await.unwrap().unwrap();
        assert_eq!(revoked, Invitation { status: InvitationStatus::Revoked, updated_at: at.at, ..made });
        assert_eq!(env.invitation(revoked.id).await.unwrap().as_ref(), Some(&revoked));
        is_refused(env.revoke_invitation(revoked.id, &Expected::Any, &by()).await, Refusal::AnsweredInvitation);
        assert_eq!(env.revoke_invitation(new_id(), &Expected::Any, &by()).await.unwrap(), None);
        assert!(env.delete_invitation(revoked.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_invitation(revoked.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.invitation(revoked.id).await.unwrap(), None);
        assert_eq!(database.count("invitation_roles").await, 0);
    }

    async fn an_invitation_is_deleted_wherever_it_stands(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        for status in InvitationStatus::ALL {
            let id = standing(&database, &env, invitation(jane, shop, "john@example.com"), status).await;
            assert!(env.delete_invitation(id, &Expected::Any, &by()).await.unwrap(), "{status:?}");
        }
    }

    async fn an_invitation_that_is_not_as_expected_is_left_alone(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let made = env.create_invitation(invitation(jane, shop, "john@example.com"), &by()).await.unwrap();
        let before = database.dump().await;
        is_refused(env.revoke_invitation(made.id, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_invitation(made.id, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let known = Expected::OneOf(vec![made.updated_at]);
        env.revoke_invitation(made.id, &known, &by()).await.unwrap().unwrap();
        is_refused(env.delete_invitation(made.id, &known, &by()).await, Refusal::Stale);
    }

    async fn invitations_are_listed_by_how_they_stand_at_a_moment(database: TestDatabase) {
        use InvitationStatus::{Accepted, Declined, Expired, Pending, Revoked};
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let mut all = Vec::new();
        for (n, status) in InvitationStatus::ALL.into_iter().enumerate() {
            let new = invitation(jane, shop, &format!("user{n}@example.com"));
            all.push(standing(&database, &env, new, status).await);
        }
        let [pending, accepted, declined, revoked, expired] = all[..] else { panic!("five of them") };
        let now = by().at;
        let late = env.invitation(pending).await.unwrap().unwrap().expires_at;
        let found = async |status, not_status, now| {
            let filter = InvitationFilter { status, not_status, ..anything(now) };
            let rows = found(&env, filter, ALL).await;
            for row in &rows {
                assert!(status.is_none_or(|status| row.status_at(now) == status), "{row:?}");
                assert!(not_status.is_none_or(|status| row.status_at(now) != status), "{row:?}");
            }
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        for moment in [now, late] {
            assert_eq!(found(Some(Accepted), None, moment).await, [accepted]);
            assert_eq!(found(Some(Declined), None, moment).await, [declined]);
            assert_eq!(found(Some(Revoked), None, moment).await, [revoked]);
            assert_eq!(found(None, Some(Revoked), moment).await, [pending, accepted, declined, expired]);
            assert_eq!(found(Some(Pending), Some(Pending), moment).await, []);
        }
        assert_eq!(found(Some(Pending), None, now).await, [pending]);
        assert_eq!(found(None, Some(Pending), now).await, all[1..]);
        assert_eq!(found(Some(Expired), None, now).await, [expired]);
        assert_eq!(found(None, Some(Expired), now).await, all[..4]);
        assert_eq!(found(Some(Pending), None, late).await, []);
        assert_eq!(found(None, Some(Pending), late).await, all);
        assert_eq!(found(Some(Expired), None, late).await, [pending, expired]);
        assert_eq!(found(None, Some(Expired), late).await, all[1..4]);
    }

    async fn invitations_are_listed_by_organization_by_address_and_within_bounds(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let (shop, bank) = (organization(&env, "Shop").await, organization(&env, "Bank").await);
        let roles = [role(&env, "admin").await, role(&env, "viewer").await];
        let mut all = Vec::new();
        for (organization, email, given) in
            [(shop, "Zoe@example.com", &roles[..1]), (shop, "bob@example.com", &[]), (bank, "bob@example.com", &roles[1..])]
        {
            let new = NewInvitation { role_ids: given.to_vec(), ..invitation(jane, organization, email) };
            all.push(env.create_invitation(new, &by()).await.unwrap());
        }
        let now = by().at;
        let everything = || anything(now);
        assert_eq!(found(&env, everything(), ALL).await, all, "each with its roles");
        let into = |id| InvitationFilter { organization_id: Some(id), ..everything() };
        assert_eq!(found(&env, into(shop), ALL).await, all[..2]);
        let within = |ids| InvitationFilter { within: Some(ids), ..everything() };
        assert_eq!(found(&env, within(vec![bank]), ALL).await, all[2..]);
        assert_eq!(found(&env, InvitationFilter { within: Some(vec![bank]), ..into(shop) }, ALL).await, []);
        assert_eq!(found(&env, everything(), named("zoe@example.com")).await, all[..1]);
        let zoe = Page { name: vec![NameIs::Containing("ZOE".into())], ..ALL };
        assert_eq!(found(&env, everything(), zoe).await, all[..1]);
        let order = Order { by_name: Some(false), newest_first: true };
        let sorted = [all[2].clone(), all[1].clone(), all[0].clone()];
        assert_eq!(found(&env, everything(), Page { order, ..ALL }).await, sorted);
        let statements = database.db().statements();
        env.invitations(everything(), ALL).await.unwrap();
        assert_eq!(database.db().statements() - statements, 2, "one for the rows, one for all their roles");
    }
}

fn anything(now: Timestamp) -> InvitationFilter {
    InvitationFilter { organization_id: None, status: None, not_status: None, now, within: None }
}

async fn found(env: &Env, filter: InvitationFilter, page: Page) -> Vec<Invitation> {
    let listed = env.invitations(filter, Page { counted: true, ..page }).await.unwrap();
    assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
    listed.rows
}

/// An invitation that stands so. Nobody answers invitations yet, so the database is told.
async fn standing(
    database: &paylent_tests::TestDatabase,
    env: &Env,
    new: NewInvitation,
    status: InvitationStatus,
) -> Id<Invitation> {
    let id = env.create_invitation(new, &by()).await.unwrap().id;
    let this = crate::common::is(database, env, id);
    database.execute(&format!("UPDATE invitations SET status = '{}' WHERE {this}", status.as_str())).await;
    id
}
