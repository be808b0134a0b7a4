//! `machine`: a client with its user, roles, permissions, grants and the primary key, in one read.

use super::{
    StoreUnderTest,
    fixtures::{answer, grant, in_order, machine, scopes, unique},
};
use crate::store::{Client, Grant, Machine, Subject};

/// Client, user, role, permissions and grant are read as they were described.
pub async fn a_machine_comes_back_with_every_field<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    store.put_machine(machine.clone()).await;
    is_read(store, &machine, "a machine comes back with every field").await;
}

/// A client for which nobody acts, and one that was granted nothing, are machines too.
pub async fn a_machine_may_have_no_user_and_no_grants<S: StoreUnderTest>(store: &S) {
    let without_user = Machine { user: None, ..machine() };
    store.put_machine(without_user.clone()).await;
    is_read(store, &without_user, "a machine without a user is returned, with user None").await;

    let without_grants = Machine { grants: Vec::new(), ..machine() };
    store.put_machine(without_grants.clone()).await;
    is_read(store, &without_grants, "a machine without grants is returned, with no grants").await;

    let mut without_roles = machine();
    without_roles.user = without_roles.user.map(|user| Subject { roles: Vec::new(), permissions: Vec::new(), ..user });
    store.put_machine(without_roles.clone()).await;
    is_read(store, &without_roles, "a user without roles is returned, with no roles and no permissions").await;

    let mut without_permissions = machine();
    without_permissions.user = without_permissions.user.map(|user| Subject { permissions: Vec::new(), ..user });
    store.put_machine(without_permissions.clone()).await;
    is_read(store, &without_permissions, "a role without permissions is returned").await;
}

/// The engine refuses to act for an inactive user; the store must not hide it.
pub async fn an_inactive_user_is_returned<S: StoreUnderTest>(store: &S) {
    let mut machine = machine();
    machine.user = machine.user.map(|user| Subject { active: false, generation: 1 << 40, ..user });
    store.put_machine(machine.clone()).await;
    is_read(store, &machine, "an inactive user is returned, as inactive, with its roles").await;
}

/// Roles overlap; a permission is either held or not.
pub async fn a_permission_held_through_two_roles_is_named_once<S: StoreUnderTest>(store: &S) {
    let mut machine = machine();
    let roles = vec![format!("zookeeper {}", unique()), format!("accountant {}", unique())];
    machine.user = machine.user.map(|user| Subject { roles, ..user });
    machine.grants.push(grant(Some(scopes(&["documents:read"]))));
    store.put_machine(machine.clone()).await;
    is_read(store, &machine, "roles, permissions and grants are each named once, however many roles and grants").await;
}

/// No character of a name means anything to the store, or to a format it may keep names in.
pub async fn names_are_data<S: StoreUnderTest>(store: &S) {
    let mut machine = machine();
    let end = unique();
    let roles = [r#"Zoë "admin" \ 漢字"#, "O'Brien; DROP TABLE roles --", r#"["a","b"], {}"#, "null 100% _ \u{1F642}"];
    let roles = roles.iter().map(|role| format!("{role} {end}")).collect();
    machine.user = machine.user.map(|user| Subject { roles, ..user });
    store.put_machine(machine.clone()).await;
    is_read(store, &machine, "quotes, backslashes, brackets, commas and other scripts are kept in names").await;
}

/// `None` (all), an empty set (none) and a set are three different things.
pub async fn allowed_scopes_may_be_all_none_or_some<S: StoreUnderTest>(store: &S) {
    let some = scopes(&["documents:write", "it's:{a,b}[%_]"]);
    for allowed in [None, Some(scopes(&[])), Some(some.clone())] {
        let machine = Machine { grants: vec![grant(allowed.clone())], ..machine() };
        store.put_machine(machine.clone()).await;
        is_read(store, &machine, &format!("a grant keeps its allowed_scopes {allowed:?}")).await;
    }
    let three = vec![grant(None), grant(Some(scopes(&[]))), grant(Some(some))];
    let machine = Machine { grants: three, ..machine() };
    store.put_machine(machine.clone()).await;
    is_read(store, &machine, "each of several grants keeps its own allowed_scopes").await;
}

/// Two clients of one resource server have each their own grant for it.
pub async fn a_grant_belongs_to_one_client<S: StoreUnderTest>(store: &S) {
    let shared = grant(None);
    let narrow = Grant { allowed_scopes: Some(scopes(&["documents:read"])), ..shared.clone() };
    let (one, other) = (Machine { grants: vec![shared], ..machine() }, Machine { grants: vec![narrow], ..machine() });
    let stranger = Machine { grants: Vec::new(), ..machine() };
    for machine in [&one, &other, &stranger] {
        store.put_machine(machine.clone()).await;
    }
    for machine in [&one, &other, &stranger] {
        is_read(store, machine, "a client has its own grants, and no other client's").await;
    }
}

/// Once a write has resolved, nobody reads what was before it: a role or grant taken away is gone.
pub async fn a_machine_described_anew_is_replaced<S: StoreUnderTest>(store: &S) {
    let first = Machine { grants: vec![grant(None), grant(Some(scopes(&[])))], ..machine() };
    store.put_machine(first.clone()).await;
    let kept = Grant { allowed_scopes: Some(scopes(&["documents:read"])), ..first.grants[0].clone() };
    let second = Machine {
        client: Client { generation: 1, ..first.client },
        user: first.user.map(|user| Subject { roles: Vec::new(), permissions: Vec::new(), ..user }),
        grants: vec![kept],
        primary_kid: None,
    };
    store.put_machine(second.clone()).await;
    is_read(store, &second, "roles, permissions and grants that were taken away are gone").await;
}

async fn is_read<S: StoreUnderTest>(store: &S, machine: &Machine, rule: &str) {
    let read = answer(store.machine(&machine.client.client_id).await, rule);
    assert_eq!(read.map(in_order), Some(in_order(machine.clone())), "{rule}");
}
