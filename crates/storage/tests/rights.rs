//! What holds for every change of roles, permissions, APIs, scopes and grants, and of who has them: it leaves its events,
//! it minds the version it expects, and it reaches neither another environment nor what came with this one.

mod ways;

use paylent_domain::{Timestamp, role::ADMIN};
use paylent_storage::{
    Env, Error, Expected, PermissionFilter, Refusal, ResourceServerFilter, RoleFilter, RolePermissionFilter,
    ScopeFilter, UserRoleFilter,
};
use paylent_tests::{TestDatabase, both, seed};
use ways::{Things, WAYS, Way};

use crate::common::{ALL, environment, is_refused, of_ids, on_nodes, role, stale, work};

both! {
    async fn lg_audit_each_change_of_rights_leaves_its_events(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        for (n, way) in WAYS.iter().enumerate() {
            let things = Things::of(&seeded, n).await;
            let before = actions(&database, &seeded.env).await;
            assert!((way.take)(seeded.env.clone(), things, Expected::Any).await.unwrap(), "{way:?}");
            let after = actions(&database, &seeded.env).await;
            assert_eq!(after[before.len()..], *way.actions, "{way:?}");
        }
    }

    async fn lg_audit_a_change_of_rights_whose_event_cannot_be_written_does_not_happen(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let things = Things::of(&seeded, 0).await;
        database.execute("ALTER TABLE audit_events RENAME TO elsewhere").await;
        let before = database.dump().await;
        for way in WAYS {
            let outcome = (way.take)(seeded.env.clone(), things.clone(), Expected::Any).await;
            assert!(outcome.is_err(), "{way:?}: {outcome:?}");
            assert_eq!(database.dump().await, before, "{way:?} leaves nothing");
        }
    }

    async fn a_row_that_is_not_as_expected_stays_as_it_is(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let things = Things::of(&seeded, 0).await;
        let before = database.dump().await;
        for way in WAYS.iter().filter(|way| way.table.is_some()) {
            for expected in [stale(), Expected::OneOf(Vec::new())] {
                is_refused((way.take)(seeded.env.clone(), things.clone(), expected).await, Refusal::Stale);
            }
            assert_eq!(database.dump().await, before, "{way:?}");
        }
    }

    async fn a_row_is_written_in_one_of_the_versions_that_are_expected(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        for (n, way) in WAYS.iter().enumerate().filter(|(_, way)| way.table.is_some()) {
            let things = Things::of(&seeded, n).await;
            let version = way.version(&database, &seeded.env, &things).await;
            let expected = Expected::OneOf(vec![Timestamp::from_seconds(1), version]);
            assert!((way.take)(seeded.env.clone(), things.clone(), expected).await.unwrap(), "{way:?}");
            if way.actions[0].ends_with(".updated") {
                assert!(way.version(&database, &seeded.env, &things).await > version, "{way:?}");
            }
        }
    }

    async fn of_two_writers_who_expect_the_same_version_one_is_served(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let versioned = WAYS.iter().filter(|way| way.table.is_some());
        for (n, way) in versioned.clone().chain(versioned).enumerate() {
            let things = Things::of(&seeded, n).await;
            let expected = Expected::OneOf(vec![way.version(&database, &seeded.env, &things).await]);
            let works = (0..2).map(|_| {
                let (take, things, expected) = (way.take, things.clone(), expected.clone());
                work(move |env| take(env, things, expected))
            });
            let mut outcomes = on_nodes(database.url(), &seeded.env, works.collect());
            let served = outcomes.iter().position(|outcome| matches!(outcome, Ok(true)));
            match outcomes.remove(1 - served.unwrap()) {
                Ok(false) => assert!(way.actions[0].ends_with(".deleted"), "{way:?}"),
                refused => is_refused(refused, Refusal::Stale),
            }
        }
    }

    async fn rb_xenv_ref_rights_of_another_environment_are_changed_as_unknown_ones(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let (theirs, own) = (Things::of(&other, 0).await, Things::of(&ours, 0).await);
        let before = database.dump().await;
        for way in WAYS.iter().filter(|way| !way.is_free()) {
            let mut outcomes = Vec::new();
            for foreign in [&theirs, &Things::of_nothing()] {
                for things in Things::mixed(foreign, &own).into_iter().take(if way.links { 3 } else { 1 }) {
                    let outcome = (way.take)(ours.env.clone(), things, Expected::Any).await;
                    assert!(matches!(outcome, Ok(false) | Err(Error::Reference)), "{way:?}: {outcome:?}");
                    assert_eq!(database.dump().await, before, "{way:?} changes nothing");
                    outcomes.push(format!("{outcome:?}"));
                }
            }
            let (foreign, unknown) = outcomes.split_at(outcomes.len() / 2);
            assert_eq!(foreign, unknown, "{way:?}");
        }
    }

    async fn rb_xenv_id_rights_of_another_environment_are_read_as_unknown_ones(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let theirs = Things::of(&other, 0).await;
        for (what, rows) in seen(&other.env, &theirs).await {
            assert!(rows > 0, "{what} are there");
        }
        for (what, rows) in seen(&ours.env, &theirs).await {
            assert_eq!(rows, 0, "{what}");
        }
    }

    async fn what_came_with_the_environment_cannot_be_changed(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let mut things = Things::of(&seeded, 0).await;
        for name in [ADMIN, "viewer"] {
            things.role = role(env, name).await;
            let held = RolePermissionFilter { role_id: Some(things.role), permission_id: None };
            things.role_permission = env.role_permissions(held, ALL).await.unwrap().rows[0].id;
            let system = PermissionFilter { system: Some(true), role_ids: Vec::new() };
            things.permission = env.permissions(system, ALL).await.unwrap().rows[0].id;
            let system = ResourceServerFilter { system: Some(true), identifier: None };
            things.server = env.resource_servers(system, ALL).await.unwrap().rows[0].id;
            let its = ScopeFilter { resource_server_id: Some(things.server) };
            things.scope = env.scopes(its, ALL).await.unwrap().rows[0].id;
            let before = database.dump().await;
            for way in WAYS.iter().filter(|way| way.can_be_fixed()) {
                for expected in [Expected::Any, stale()] {
                    is_refused((way.take)(env.clone(), things.clone(), expected).await, Refusal::System);
                }
                assert_eq!(database.dump().await, before, "{way:?}");
            }
        }
    }
}

impl Way {
    /// The version of the row that it writes.
    async fn version(&self, database: &TestDatabase, env: &Env, things: &Things) -> Timestamp {
        let table = self.table.unwrap();
        let column =
            if table.ends_with("_roles") || table.ends_with("_permissions") { "created_at" } else { "updated_at" };
        let (environment, id) = (environment(database, env), database.bytes(&things.key(table)));
        let row = format!("SELECT {column} FROM {table} WHERE environment_id = {environment} AND id = {id}");
        Timestamp::from_micros(database.values(&row).await[0].parse().unwrap())
    }
}

/// How many rows every function sees that reads by one of these ids, each with its name.
async fn seen(env: &Env, things: &Things) -> Vec<(&'static str, usize)> {
    let page = |table| of_ids::<()>(&[paylent_domain::Id::from_bytes(things.key(table))]);
    let by_role = RolePermissionFilter { role_id: Some(things.role), permission_id: None };
    let by_permission = RolePermissionFilter { permission_id: Some(things.permission), role_id: None };
    let holding = RoleFilter { permission_ids: vec![things.permission], ..RoleFilter::default() };
    let held = RoleFilter { user_ids: vec![things.user], ..RoleFilter::default() };
    let of_role = PermissionFilter { role_ids: vec![things.role], system: None };
    let of_user = UserRoleFilter { user_id: Some(things.user), ..UserRoleFilter::default() };
    let by_name = UserRoleFilter { role_name: Some("clerk 0".to_owned()), ..UserRoleFilter::default() };
    let of_server = ScopeFilter { resource_server_id: Some(things.server) };
    let counts = env.role_counts(things.role).await.unwrap();
    vec![
        ("role", env.role(things.role).await.unwrap().into_iter().count()),
        ("permission", env.permission(things.permission).await.unwrap().into_iter().count()),
        ("role permission", env.role_permission(things.role_permission).await.unwrap().into_iter().count()),
        ("user role", env.user_role(things.user_role).await.unwrap().into_iter().count()),
        ("resource server", env.resource_server(things.server).await.unwrap().into_iter().count()),
        ("scope", env.scope(things.scope).await.unwrap().into_iter().count()),
        ("client grant", env.client_grant(things.grant).await.unwrap().into_iter().count()),
        ("roles", env.roles(RoleFilter::default(), page("roles")).await.unwrap().rows.len()),
        ("roles with a permission", env.roles(holding, ALL).await.unwrap().rows.len()),
        ("roles of a user", env.roles(held, ALL).await.unwrap().rows.len()),
        ("permissions", env.permissions(Default::default(), page("permissions")).await.unwrap().rows.len()),
        ("permissions of a role", env.permissions(of_role, ALL).await.unwrap().rows.len()),
        ("permission names of a role", env.permissions_of_role(things.role).await.unwrap().iter().count()),
        ("role permissions of a role", env.role_permissions(by_role, ALL).await.unwrap().rows.len()),
        ("role permissions of a permission", env.role_permissions(by_permission, ALL).await.unwrap().rows.len()),
        ("user roles of a user", env.user_roles(of_user, ALL).await.unwrap().rows.len()),
        ("user roles of a role by name", env.user_roles(by_name, ALL).await.unwrap().rows.len()),
        (
            "resource servers",
            env.resource_servers(Default::default(), page("resource_servers")).await.unwrap().rows.len(),
        ),
        ("scopes", env.scopes(ScopeFilter::default(), page("scopes")).await.unwrap().rows.len()),
        ("scopes of a server", env.scopes(of_server, ALL).await.unwrap().rows.len()),
        ("client grants", env.client_grants(Default::default(), page("client_grants")).await.unwrap().rows.len()),
        ("pairs of users", env.roles_of_users(vec![things.user]).await.unwrap().len()),
        ("pairs of roles", env.permissions_of_roles(vec![things.role]).await.unwrap().len()),
        ("pairs of scopes", env.scopes_of_resource_servers(vec![things.server]).await.unwrap().len()),
        ("pairs of introspection", env.introspection_clients_of(vec![things.server]).await.unwrap().len()),
        ("users of a role", usize::try_from(counts.0).unwrap()),
        ("count of permissions of a role", usize::try_from(counts.1).unwrap()),
    ]
}

/// What happened in the environment, in order.
async fn actions(database: &TestDatabase, env: &Env) -> Vec<String> {
    let environment = environment(database, env);
    let mine =
        format!("SELECT action FROM audit_events WHERE environment_id = {environment} ORDER BY occurred_at, action");
    database.values(&mine).await
}
