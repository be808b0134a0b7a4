//! The audit trail as it is read back.

use std::net::Ipv4Addr;

use paylent_domain::{
    Id,
    audit::{By, Change, Context, Entry, Target},
    user::{User, UserChange},
};
use paylent_storage::{AuditFilter, Env, Expected, NameIs, Order, Page, Place};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, UNUSED_FOR_A_MINUTE, invitation, member, membership_role, named, of_ids, organization, person, role, session,
};

both! {
    async fn an_event_is_read_as_it_was_told(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let john = Context {
            by: By::User { id: new_id(), name: "john@example.com".to_owned() },
            ip: Some(Ipv4Addr::new(192, 0, 2, 1).into()),
            user_agent: Some("Browser/1".to_owned()),
            at: by().at,
        };
        let change = UserChange {
            first_name: Some(Some("J\"ne".into())),
            last_name: Some(None),
            ..UserChange::default()
        };
        env.update_user(jane, change, &Expected::Any, &john).await.unwrap().unwrap();
        let told = found(&env, AuditFilter::default(), named("user.updated")).await.remove(0);
        let change = |field: &'static str, from: &str, to: Option<&str>| Change {
            field: field.into(),
            from: Some(from.to_owned()),
            to: to.map(str::to_owned),
        };
        let By::User { id: actor, name } = john.by else { panic!("a user") };
        let expected = Entry {
            id: told.id,
            action: "user.updated".to_owned(),
            actor_type: "user".to_owned(),
            actor_id: Some(actor.to_string()),
            actor_name: name,
            targets: vec![target("user", jane, "jane@example.com")],
            changes: vec![change("first_name", "Jane", Some("J\"ne")), change("last_name", "Doe", None)],
            ip: john.ip,
            user_agent: john.user_agent,
            occurred_at: john.at,
        };
        assert_eq!(told, expected);
        assert_eq!(env.audit_event(told.id).await.unwrap(), Some(expected));
        assert_eq!(env.audit_event(new_id()).await.unwrap(), None);
        let made = found(&env, AuditFilter::default(), named("user.created")).await.remove(0);
        assert_eq!((made.actor_type.as_str(), made.actor_id, made.ip, made.user_agent), ("system", None, None, None));
    }

    async fn events_are_listed_by_actor_by_action_and_in_either_order(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let actors: [Id<User>; 2] = [new_id(), new_id()];
        let mut people = Vec::new();
        for (n, id) in [actors[0], actors[1], actors[0]].into_iter().enumerate() {
            let by = || Context { by: By::User { id, name: "somebody".to_owned() }, ..by() };
            let person = env.create_person(seed::person(&format!("user{n}@example.com")), &by()).await.unwrap().id;
            env.delete_user(person, &Expected::Any, &by()).await.unwrap();
            people.push(person);
        }
        let by_actor = |id: Id<User>| AuditFilter { actor_id: Some(id.to_string()) };
        let actions = async |filter, page| {
            found(&env, filter, page).await.into_iter().map(|event| event.action).collect::<Vec<_>>()
        };
        let (created, deleted) = ("user.created", "user.deleted");
        assert_eq!(actions(by_actor(actors[0]), ALL).await, [created, deleted, created, deleted]);
        assert_eq!(actions(by_actor(actors[1]), named(deleted)).await, [deleted]);
        assert_eq!(actions(by_actor(new_id()), ALL).await, [""; 0]);
        let users = vec![NameIs::Containing("USER.".into()), NameIs::Not(created.into())];
        assert_eq!(actions(AuditFilter::default(), Page { name: users, ..ALL }).await, [deleted; 3]);
        let order = Order { by_name: Some(true), newest_first: true };
        let sorted = found(&env, by_actor(actors[0]), Page { order, ..ALL }).await;
        let of = |event: &Entry| (event.action.clone(), event.targets[0].id.clone());
        let expected = [(deleted, 2), (deleted, 0), (created, 2), (created, 0)];
        let expected = expected.map(|(action, n)| (action.to_owned(), people[n].to_string()));
        assert_eq!(sorted.iter().map(of).collect::<Vec<_>>(), expected);
        let place = Place { name: sorted[1].action.clone(), id: *sorted[1].id.as_bytes() };
        let rest = Page { order, beyond: Some(place), ..ALL };
        assert_eq!(env.audit_events(by_actor(actors[0]), rest).await.unwrap().rows, sorted[2..]);
        let ids: Vec<_> = sorted.iter().map(|event| event.id).collect();
        assert_eq!(found(&env, AuditFilter::default(), of_ids(&ids[..1])).await, sorted[..1]);
    }

    async fn lg_audit_an_event_names_everything_it_is_about(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let (shop, viewer) = (organization(&env, "Shop").await, role(&env, "viewer").await);
        let here = member(&env, jane, shop).await;
        let held = env.create_membership_role(membership_role(&here, viewer), &by()).await.unwrap();
        let mut asked = invitation(jane, shop, "john@example.com");
        asked.role_ids = vec![viewer];
        let asked = env.create_invitation(asked, &by()).await.unwrap();
        let seen = env.create_session(session(jane), &by()).await.unwrap();
        database.execute(UNUSED_FOR_A_MINUTE).await;
        env.touch_session(seen.id, &Expected::Any, &by()).await.unwrap().unwrap();
        env.revoke_session(seen.id, &Expected::Any, &by()).await.unwrap().unwrap();
        env.delete_session(seen.id, &Expected::Any, &by()).await.unwrap();
        env.revoke_invitation(asked.id, &Expected::Any, &by()).await.unwrap().unwrap();
        env.delete_invitation(asked.id, &Expected::Any, &by()).await.unwrap();
        env.delete_membership_role(held.id, &Expected::Any, &by()).await.unwrap();
        env.delete_membership(here.id, &Expected::Any, &by()).await.unwrap();
        env.delete_organization(shop, &Expected::Any, &by()).await.unwrap();
        let user = || target("user", jane, "jane@example.com");
        let organization = || target("organization", shop, "Shop");
        let role = || target("role", viewer, "viewer");
        let membership = || vec![target("membership", here.id, "jane@example.com"), user(), organization()];
        let membership_role = || vec![target("membership_role", held.id, "viewer"), user(), organization(), role()];
        let invitation = || vec![target("invitation", asked.id, "john@example.com"), organization()];
        let session = || vec![target("session", seen.id, "jane@example.com"), user()];
        let expected = [
            ("organization.created", vec![organization()]),
            ("membership.created", membership()),
            ("membership_role.created", membership_role()),
            ("invitation.created", [invitation(), vec![role()]].concat()),
            ("session.created", session()),
            ("session.touched", session()),
            ("session.revoked", session()),
            ("session.deleted", session()),
            ("invitation.revoked", invitation()),
            ("invitation.deleted", invitation()),
            ("membership_role.deleted", membership_role()),
            ("membership.deleted", membership()),
            ("organization.deleted", vec![organization()]),
        ];
        let told = found(&env, AuditFilter::default(), ALL).await;
        let told: Vec<_> = told.iter().map(|event| (event.action.as_str(), event.targets.clone())).collect();
        assert_eq!(told[told.len() - expected.len()..], expected);
    }

    async fn rb_xenv_id_events_of_another_environment_are_not_read(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await.env, seed::environment(&db, "acme").await.env);
        organization(&other, "Shop").await;
        let theirs = found(&other, AuditFilter::default(), named("organization.created")).await.remove(0);
        assert_eq!(ours.audit_event(theirs.id).await.unwrap(), None);
        assert_eq!(found(&ours, AuditFilter::default(), named("organization.created")).await, []);
        assert_eq!(found(&ours, AuditFilter::default(), of_ids(&[theirs.id])).await, []);
    }
}

fn target<T>(kind: &'static str, id: Id<T>, name: &str) -> Target {
    Target { kind: kind.into(), id: id.to_string(), name: name.to_owned() }
}

async fn found(env: &Env, filter: AuditFilter, page: Page) -> Vec<Entry> {
    let listed = env.audit_events(filter, Page { counted: true, ..page }).await.unwrap();
    assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
    listed.rows
}
