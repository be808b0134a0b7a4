//! An organization that others belong to keeps its last admin, by whatever way they would go.

use paylent_domain::{
    Id,
    organization::{Membership, MembershipRole},
    role::ADMIN,
    user::UserChange,
};
use paylent_storage::{Env, Expected, Refusal, Result};
use paylent_tests::{
    both,
    seed::{self, by},
};

use crate::common::{is_refused, member, membership_role, on_nodes, organization, person, role, work};

/// The ways to lose an admin of an organization.
#[derive(Debug, Clone, Copy)]
enum Way {
    Leave,
    Demote,
    Deactivate,
    Delete,
}

const WAYS: [Way; 4] = [Way::Leave, Way::Demote, Way::Deactivate, Way::Delete];

/// Somebody who administers an organization.
#[derive(Debug, Clone)]
struct Admin {
    membership: Membership,
    held: Id<MembershipRole>,
}

impl Admin {
    async fn of(env: &Env, membership: Membership) -> Self {
        let admin = role(env, ADMIN).await;
        let held = env.create_membership_role(membership_role(&membership, admin), &by()).await.unwrap();
        Self { membership, held: held.id }
    }

    /// Whether they are gone now.
    async fn go(&self, env: &Env, way: Way) -> Result<bool> {
        let (user, any) = (self.membership.user_id, Expected::Any);
        match way {
            Way::Leave => env.delete_membership(self.membership.id, &any, &by()).await,
            Way::Demote => env.delete_membership_role(self.held, &any, &by()).await,
            Way::Delete => env.delete_user(user, &any, &by()).await,
            Way::Deactivate => {
                let inactive = UserChange { active: Some(false), ..UserChange::default() };
                env.update_user(user, inactive, &any, &by()).await.map(|user| user.is_some())
            }
        }
    }
}

/// A new member of a new organization, or of the one that others are in.
async fn newcomer(env: &Env, name: &str, beside: Option<&Membership>) -> Membership {
    let organization = match beside {
        Some(beside) => beside.organization_id,
        None => organization(env, "Shop").await,
    };
    member(env, person(env, &format!("{name}@example.com")).await, organization).await
}

both! {
    async fn rb_last_admin_an_organization_keeps_its_last_admin_whatever_is_tried(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let last = newcomer(&env, "jane", None).await;
        newcomer(&env, "joe", Some(&last)).await;
        let last = Admin::of(&env, last).await;
        for taken in WAYS {
            let other = newcomer(&env, &format!("{taken:?}"), Some(&last.membership)).await;
            let other = Admin::of(&env, other).await;
            assert!(other.go(&env, taken).await.unwrap(), "{taken:?}");
            let before = database.dump().await;
            for way in WAYS {
                is_refused(last.go(&env, way).await, Refusal::LastAdmin);
            }
            assert_eq!(database.dump().await, before, "{taken:?}");
        }
        let heir = newcomer(&env, "heir", Some(&last.membership)).await;
        Admin::of(&env, heir).await;
        assert!(last.go(&env, Way::Delete).await.unwrap(), "there is another");
    }

    async fn rb_last_admin_one_organization_of_many_is_reason_enough(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = newcomer(&env, "jane", None).await;
        for others in [true, false] {
            let there = member(&env, jane.user_id, organization(&env, "Works").await).await;
            Admin::of(&env, there.clone()).await;
            if others {
                Admin::of(&env, newcomer(&env, "joe", Some(&there)).await).await;
            }
        }
        let admin = Admin::of(&env, jane.clone()).await;
        let jim = newcomer(&env, "jim", Some(&jane)).await;
        let before = database.dump().await;
        for way in WAYS {
            is_refused(admin.go(&env, way).await, Refusal::LastAdmin);
        }
        assert_eq!(database.dump().await, before);
        assert!(env.delete_membership(jim.id, &Expected::Any, &by()).await.unwrap());
        assert!(admin.go(&env, Way::Delete).await.unwrap(), "whoever is alone may go");
    }

    async fn rb_last_admin_who_is_alone_or_holds_another_role_is_free(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for way in WAYS {
            let alone = newcomer(&env, &format!("{way:?}"), None).await;
            assert!(Admin::of(&env, alone).await.go(&env, way).await.unwrap(), "{way:?}");
        }
        let jane = newcomer(&env, "jane", None).await;
        newcomer(&env, "joe", Some(&jane)).await;
        let admin = Admin::of(&env, jane.clone()).await;
        let viewer = role(&env, "viewer").await;
        let extra = env.create_membership_role(membership_role(&jane, viewer), &by()).await.unwrap().id;
        assert!(env.delete_membership_role(extra, &Expected::Any, &by()).await.unwrap());
        is_refused(admin.go(&env, Way::Demote).await, Refusal::LastAdmin);
    }

    /// Every pair of ways, at the same time, at two nodes: one of the two goes, the other is refused.
    async fn rb_last_admin_two_admins_of_an_organization_who_go_at_once_leave_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for (round, (one, other)) in WAYS.iter().flat_map(|one| WAYS.iter().map(move |other| (*one, *other))).enumerate() {
            let stays = newcomer(&env, &format!("stays{round}"), None).await;
            let mut works = Vec::new();
            for (side, way) in ["a", "b"].into_iter().zip([one, other]) {
                let admin = Admin::of(&env, newcomer(&env, &format!("{side}{round}"), Some(&stays)).await).await;
                works.push(work(move |env: Env| async move { admin.go(&env, way).await }));
            }
            let mut outcomes = on_nodes(database.url(), &env, works);
            let gone = outcomes.iter().position(Result::is_ok).unwrap();
            is_refused(outcomes.remove(1 - gone), Refusal::LastAdmin);
        }
    }
}
