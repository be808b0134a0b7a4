//! Organizations, who belongs to them, and which roles are held there.

use futures_util::future::join_all;
use paylent_domain::{
    Id,
    organization::{Membership, MembershipRole, Organization},
    user::UserChange,
};
use paylent_storage::{
    Env, Error, Expected, MembershipFilter, MembershipRoleFilter, NameIs, NewOrganization, Order, OrganizationFilter,
    Page, Refusal,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, connect, environment, invitation, is_refused, member, membership, membership_role, named, on_nodes,
    organization, person, role, stale, system, work,
};

both! {
    async fn an_organization_is_read_as_it_was_made(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (new, by) = (NewOrganization { id: new_id(), name: "Zoë's \"shop\"".to_owned(), slug: Some("shop".parse().unwrap()) }, by());
        let made = env.create_organization(new.clone(), &by).await.unwrap();
        let (id, name, slug) = (new.id, new.name.clone(), new.slug.clone());
        assert_eq!(made, Organization { id, name, slug, created_at: by.at, updated_at: by.at });
        assert_eq!(env.organization(new.id).await.unwrap(), Some(made));
        let same_slug = NewOrganization { id: new_id(), ..new.clone() };
        let taken = env.create_organization(same_slug.clone(), &by).await;
        assert!(matches!(taken, Err(Error::Conflict)), "{taken:?}");
        let elsewhere = seed::environment(&database.db(), "other").await.env;
        elsewhere.create_organization(same_slug, &by).await.unwrap();
        let of_slug = OrganizationFilter { slug: new.slug.clone(), ..OrganizationFilter::default() };
        assert_eq!(env.organizations(of_slug, ALL).await.unwrap().rows[0].id, new.id);
        let namesake = NewOrganization { id: new_id(), slug: None, ..new };
        env.create_organization(namesake, &by).await.unwrap();
    }

    async fn an_organization_goes_with_its_memberships_their_roles_and_its_invitations(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let mine = environment(&database, &env);
        let rows = async || {
            let mut counts = Vec::new();
            for table in ["organizations", "memberships", "membership_roles", "invitations", "invitation_roles"] {
                counts.push(database.count(&format!("{table} WHERE environment_id = {mine}")).await);
            }
            counts
        };
        let mut made = Vec::new();
        for name in ["Shop", "Other"] {
            let organization = organization(&env, name).await;
            let held = membership_role(&member(&env, jane, organization).await, viewer);
            env.create_membership_role(held, &by()).await.unwrap();
            let mut invitation = invitation(jane, organization, "john@example.com");
            invitation.role_ids = vec![viewer];
            env.create_invitation(invitation, &by()).await.unwrap();
            made.push(organization);
        }
        assert_eq!(rows().await, [2, 2, 2, 2, 2]);
        assert!(env.delete_organization(made[0], &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_organization(made[0], &Expected::Any, &by()).await.unwrap());
        assert_eq!(rows().await, [1, 1, 1, 1, 1]);
        assert_eq!(env.organization(made[0]).await.unwrap(), None);
        assert!(env.user(jane).await.unwrap().is_some());
        assert!(env.delete_user(jane, &Expected::Any, &by()).await.unwrap());
        assert_eq!(rows().await, [1, 0, 0, 0, 0], "a membership goes with its user, an invitation with its inviter");
    }

    async fn the_last_admin_of_an_organization_stays_while_others_do(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (admin, shop) = (role(&env, "admin").await, organization(&env, "Shop").await);
        let mut members = Vec::new();
        for name in ["jane", "joe", "jim"] {
            members.push(member(&env, person(&env, &format!("{name}@example.com")).await, shop).await);
        }
        let leave = async |member: &Membership| env.delete_membership(member.id, &Expected::Any, &by()).await;
        for member in &members[..2] {
            env.create_membership_role(membership_role(member, admin), &by()).await.unwrap();
        }
        // One who may not sign in administers nothing, and of two who go at once one stays.
        let inactive = UserChange { active: Some(false), ..UserChange::default() };
        env.update_user(members[1].user_id, inactive, &Expected::Any, &by()).await.unwrap();
        is_refused(leave(&members[0]).await, Refusal::LastAdmin);
        let active = UserChange { active: Some(true), ..UserChange::default() };
        env.update_user(members[1].user_id, active, &Expected::Any, &by()).await.unwrap();
        let both = members[..2].iter().map(|member| {
            let id = member.id;
            work(move |env: Env| async move { env.delete_membership(id, &Expected::Any, &by()).await })
        });
        let mut outcomes = on_nodes(database.url(), &env, both.collect());
        let gone = outcomes.iter().position(Result::is_ok).unwrap();
        is_refused(outcomes.remove(1 - gone), Refusal::LastAdmin);
        let last = &members[1 - gone];
        let before = database.dump().await;
        is_refused(leave(last).await, Refusal::LastAdmin);
        assert_eq!(database.dump().await, before);
        assert!(leave(&members[2]).await.unwrap());
        assert!(leave(last).await.unwrap(), "whoever is alone may go");
        // Where nobody held the role, nobody is kept.
        for member in &members[..2] {
            env.create_membership(member.clone(), &by()).await.unwrap();
        }
        assert!(leave(&members[0]).await.unwrap());
    }

    async fn an_account_is_not_deleted_as_an_organization(database: TestDatabase) {
        let acme = seed::environment(&database.db(), "acme").await.env;
        let system = system(&database.db()).await;
        let account: Id<Organization> = acme.tenant().environment.account_id.unwrap().cast();
        assert_eq!(system.organization(account).await.unwrap().unwrap().name, "acme");
        let before = database.dump().await;
        is_refused(system.delete_organization(account, &Expected::Any, &by()).await, Refusal::Account);
        assert_eq!(database.dump().await, before);
        let other = organization(&system, "No account").await;
        assert!(system.delete_organization(other, &Expected::Any, &by()).await.unwrap());
    }

    async fn organizations_are_listed_by_member_by_name_and_within_bounds(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let (shop, bank) = (organization(&env, "Shop").await, organization(&env, "bank").await);
        member(&env, jane, bank).await;
        let found = async |user_id, within, page: Page| {
            let filter = OrganizationFilter { user_id, slug: None, within };
            let listed = env.organizations(filter, Page { counted: true, ..page }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows.into_iter().map(|organization| organization.id).collect::<Vec<_>>()
        };
        assert_eq!(found(None, None, ALL).await, [shop, bank]);
        assert_eq!(found(Some(jane), None, ALL).await, [bank]);
        assert_eq!(found(Some(new_id()), None, ALL).await, []);
        assert_eq!(found(None, Some(vec![shop, new_id()]), ALL).await, [shop]);
        assert_eq!(found(Some(jane), Some(vec![shop]), ALL).await, []);
        assert_eq!(found(None, Some(Vec::new()), ALL).await, []);
        assert_eq!(found(None, None, named("Shop")).await, [shop]);
        let containing = Page { name: vec![NameIs::Containing("SHO".into())], ..ALL };
        assert_eq!(found(None, None, containing).await, [shop]);
        let order = Order { by_name: Some(true), newest_first: false };
        assert_eq!(found(None, None, Page { order, ..ALL }).await, [bank, shop], "capitals come first, reversed");
    }

    async fn somebody_belongs_to_an_organization_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let (new, at) = (membership(jane, shop), by());
        let made = env.create_membership(new.clone(), &at).await.unwrap();
        assert_eq!(made, Membership { created_at: at.at, ..new });
        assert_eq!(env.membership(made.id).await.unwrap().as_ref(), Some(&made));
        let again = env.create_membership(membership(jane, shop), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        for wrong in [membership(new_id(), shop), membership(jane, new_id())] {
            let outcome = env.create_membership(wrong, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        assert!(env.delete_membership(made.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_membership(made.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.membership(made.id).await.unwrap(), None);
    }

    async fn ap_dup_race_one_membership_is_made_of_many_at_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        connect(&database.db()).await;
        let outcomes = join_all((0..50).map(|_| {
            let env = env.clone();
            async move { env.create_membership(membership(jane, shop), &by()).await }
        }));
        let (made, refused): (Vec<_>, Vec<_>) = outcomes.await.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refused.len()), (1, 49));
        assert!(refused.iter().all(|refused| matches!(refused, Err(Error::Conflict))), "{refused:?}");
    }

    async fn ap_delete_cascade_an_organization_deleted_while_it_is_written_to_leaves_nothing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let mine = environment(&database, &env);
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        for n in 0..10 {
            let shop = organization(&env, "Shop").await;
            let john = person(&env, &format!("john{n}@example.com")).await;
            let here = member(&env, jane, shop).await;
            let works = vec![
                work(move |env: Env| async move {
                    env.delete_organization(shop, &Expected::Any, &by()).await.map(|_| ())
                }),
                work(move |env: Env| async move { env.create_membership(membership(john, shop), &by()).await.map(|_| ()) }),
                work(move |env: Env| async move {
                    env.create_membership_role(membership_role(&here, viewer), &by()).await.map(|_| ())
                }),
                work(move |env: Env| async move {
                    let mut new = invitation(jane, shop, &format!("invited{n}@example.com"));
                    new.role_ids = vec![viewer];
                    env.create_invitation(new, &by()).await.map(|_| ())
                }),
                work(move |env: Env| async move { env.delete_user(john, &Expected::Any, &by()).await.map(|_| ()) }),
            ];
            for outcome in on_nodes(database.url(), &env, works) {
                assert!(matches!(outcome, Ok(()) | Err(Error::Reference)), "{outcome:?}");
            }
            for table in ["organizations", "memberships", "membership_roles", "invitations", "invitation_roles"] {
                assert_eq!(database.count(&format!("{table} WHERE environment_id = {mine}")).await, 0, "{table}");
            }
        }
    }

    async fn or_member_remove_what_was_held_through_a_membership_goes_with_it(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let shop = organization(&env, "Shop").await;
        let here = member(&env, jane, shop).await;
        env.create_membership_role(membership_role(&here, viewer), &by()).await.unwrap();
        assert!(env.authority(jane).await.unwrap().unwrap().organizations[&shop].contains("users:read"));
        assert!(env.delete_membership(here.id, &Expected::Any, &by()).await.unwrap());
        assert!(env.authority(jane).await.unwrap().unwrap().organizations.is_empty());
        assert_eq!(env.roles_of_memberships(vec![here.id]).await.unwrap(), []);
    }

    async fn memberships_are_listed_by_user_by_organization_and_within_bounds(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let (shop, bank) = (organization(&env, "Shop").await, organization(&env, "Bank").await);
        let all =
            [member(&env, jane, shop).await.id, member(&env, john, shop).await.id, member(&env, jane, bank).await.id];
        let found = async |user_id, organization_id, within| {
            let filter = MembershipFilter { user_id, organization_id, within };
            let listed = env.memberships(filter, Page { counted: true, ..ALL }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows.into_iter().map(|membership| membership.id).collect::<Vec<_>>()
        };
        assert_eq!(found(None, None, None).await, all);
        assert_eq!(found(Some(jane), None, None).await, [all[0], all[2]]);
        assert_eq!(found(None, Some(shop), None).await, all[..2]);
        assert_eq!(found(Some(john), Some(bank), None).await, []);
        assert_eq!(found(None, None, Some(vec![bank])).await, all[2..]);
        assert_eq!(found(None, Some(shop), Some(vec![bank])).await, []);
    }

    async fn a_member_holds_a_role_once_in_its_organization_only(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let (shop, bank) = (organization(&env, "Shop").await, organization(&env, "Bank").await);
        let here = member(&env, jane, shop).await;
        member(&env, jane, bank).await;
        let at = by();
        let new = MembershipRole { organization_id: bank, ..membership_role(&here, viewer) };
        let made = env.create_membership_role(new.clone(), &at).await.unwrap();
        let expected = MembershipRole { organization_id: shop, created_at: at.at, ..new };
        assert_eq!(made, expected, "the organization is the membership's");
        assert_eq!(env.membership_role(made.id).await.unwrap(), Some(expected));
        let authority = env.authority(jane).await.unwrap().unwrap();
        assert!(authority.organizations[&shop].contains("users:read"));
        assert!(!authority.organizations.contains_key(&bank) && authority.permissions.iter().next().is_none());
        let again = env.create_membership_role(membership_role(&here, viewer), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        let nowhere = Membership { id: new_id(), ..here.clone() };
        for wrong in [membership_role(&here, new_id()), membership_role(&nowhere, viewer)] {
            let outcome = env.create_membership_role(wrong, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        assert!(env.delete_membership_role(made.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_membership_role(made.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.membership_role(made.id).await.unwrap(), None);
        assert!(env.authority(jane).await.unwrap().unwrap().organizations.is_empty());
    }

    async fn roles_of_members_are_listed_by_membership_by_role_and_within_bounds(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let (admin, viewer) = (role(&env, "admin").await, role(&env, "viewer").await);
        let (shop, bank) = (organization(&env, "Shop").await, organization(&env, "Bank").await);
        let (here, there) = (member(&env, jane, shop).await, member(&env, jane, bank).await);
        let mut all = Vec::new();
        for (membership, role) in [(&there, viewer), (&here, viewer), (&here, admin)] {
            all.push(env.create_membership_role(membership_role(membership, role), &by()).await.unwrap().id);
        }
        let found = async |membership_id, role_id, within| {
            let filter = MembershipRoleFilter { membership_id, role_id, within };
            let page = |newest_first| Page {
                counted: true,
                order: Order { by_name: None, newest_first },
                ..ALL
            };
            let listed = env.membership_roles(filter.clone(), page(false)).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            let mut backward = env.membership_roles(filter, page(true)).await.unwrap().rows;
            backward.reverse();
            assert_eq!(backward, listed.rows);
            listed.rows.into_iter().map(|held| held.id).collect::<Vec<_>>()
        };
        assert_eq!(found(None, None, None).await, all);
        assert_eq!(found(Some(here.id), None, None).await, all[1..]);
        assert_eq!(found(None, Some(viewer), None).await, all[..2]);
        assert_eq!(found(Some(here.id), Some(admin), None).await, all[2..]);
        assert_eq!(found(None, None, Some(vec![bank])).await, all[..1]);
        assert_eq!(found(Some(here.id), None, Some(vec![bank])).await, []);
        let mut pairs = vec![(there.id, viewer), (here.id, viewer), (here.id, admin)];
        pairs.sort();
        let asked = vec![there.id, here.id, new_id(), here.id];
        assert_eq!(env.roles_of_memberships(asked).await.unwrap(), pairs);
        assert_eq!(env.roles_of_memberships(Vec::new()).await.unwrap(), []);
    }

    async fn what_is_not_as_expected_is_not_deleted(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let shop = organization(&env, "Shop").await;
        let here = member(&env, jane, shop).await;
        let held = env.create_membership_role(membership_role(&here, viewer), &by()).await.unwrap();
        let before = database.dump().await;
        is_refused(env.delete_membership_role(held.id, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_membership(here.id, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_organization(shop, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let version = env.organization(shop).await.unwrap().unwrap().updated_at;
        let known = |version| Expected::OneOf(vec![version]);
        assert!(env.delete_membership_role(held.id, &known(held.created_at), &by()).await.unwrap());
        assert!(env.delete_membership(here.id, &known(here.created_at), &by()).await.unwrap());
        assert!(env.delete_organization(shop, &known(version), &by()).await.unwrap());
    }
}
