//! What becomes of connections and of tokens that never expire when what they stand for changes.

use paylent_domain::{
    Id,
    application::{Application, ApplicationGrant, Connection},
    resource_server::ResourceServer,
    scope::Scopes,
    user::UserChange,
};
use paylent_oauth::{
    Store as _,
    crypto::secret::SecretHash,
    store::{AuthorizationCode, Kept, Use, Used},
};
use paylent_storage::{
    ApplicationChange, ConnectionFilter, Env, Error, Expected, MembershipFilter, NewScope, Refusal, ScopeFilter,
    StaticTokenFilter,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::{
    common::{ALL, Work, is_refused, member, named, on_nodes, person, work},
    scene::{BOTH, READ, Scene, application, static_token, trail},
};

/// Keeps a token of an application that never expires.
async fn kept(env: &Env, application: &Application) -> SecretHash {
    static_token(env, application).await.token.hash
}

async fn scopes_of(env: &Env, token: &SecretHash) -> String {
    env.access_token(token).await.unwrap().unwrap().0.scopes.to_string()
}

async fn connection(env: &Env, id: Id<Connection>) -> Connection {
    env.application_connection(id).await.unwrap().unwrap()
}

/// Lets an application have permission for these and no others.
async fn permit(env: &Env, application: &Application, permissions: &str) {
    let change = ApplicationChange { permissions: Some(Scopes::stored(permissions)), ..ApplicationChange::default() };
    env.update_application(application.id, change, &Expected::Any, &by()).await.unwrap().unwrap();
}

/// Deletes a scope, and makes one of the same name.
async fn remake(env: &Env, server: Id<ResourceServer>, name: &str) {
    let filter = ScopeFilter { resource_server_id: Some(server) };
    let scope = env.scopes(filter, named(name)).await.unwrap().rows[0].id;
    assert!(env.delete_scope(scope, &Expected::Any, &by()).await.unwrap());
    let new = NewScope { id: new_id(), resource_server_id: server, name: name.to_owned(), description: None };
    env.create_scope(new, &by()).await.unwrap();
}

both! {
    async fn a_permission_that_is_given_back_is_given_to_no_old_connection_or_token(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let env = &scene.env;
        let (wide, _) = scene.connect(scene.joe, false, "documents:read documents:write openid").await;
        let (narrow, _) = scene.connect(scene.jane, true, READ).await;
        let machine = application(env, "Bank", ApplicationGrant::ClientCredentials).await;
        let (other, token) = (application(env, "Shop", ApplicationGrant::ClientCredentials).await, kept(env, &machine).await);
        let others = kept(env, &other).await;
        for application in [&scene.application, &machine] {
            permit(env, application, READ).await;
            permit(env, application, BOTH).await;
        }
        let left = connection(env, wide.id).await;
        assert_eq!(left.permissions.to_string(), "documents:read openid", "who the person is, is no permission");
        assert!(left.updated_at > wide.updated_at, "it is another version");
        assert_eq!(connection(env, narrow.id).await, narrow);
        assert_eq!((scopes_of(env, &token).await.as_str(), scopes_of(env, &others).await.as_str()), (READ, BOTH));
        let again = kept(env, &machine).await;
        assert_eq!(scopes_of(env, &again).await, BOTH, "a new one has it");
    }

    async fn a_deleted_scope_is_nobodys_when_it_is_made_again(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let env = &scene.env;
        let (made, _) = scene.connect(scene.joe, false, BOTH).await;
        let machine = application(env, "Bank", ApplicationGrant::ClientCredentials).await;
        let (other, token) = (application(env, "Shop", ApplicationGrant::ClientCredentials).await, kept(env, &machine).await);
        let others = kept(env, &other).await;
        for application in [&scene.application, &machine] {
            remake(env, application.resource_server_id, "documents:write").await;
            let read = env.application_by_id(application.id).await.unwrap().unwrap();
            assert_eq!(read.permissions.to_string(), READ);
            assert!(read.updated_at > application.updated_at, "it is another version");
            permit(env, application, &read.permissions.to_string()).await;
        }
        assert_eq!(connection(env, made.id).await.permissions.to_string(), READ);
        assert_eq!(scopes_of(env, &token).await, READ);
        assert_eq!(scopes_of(env, &kept(env, &machine).await).await, READ, "who asks for more gets what there is");
        assert_eq!(env.application_by_id(other.id).await.unwrap().as_ref(), Some(&other), "another API's scope");
        assert_eq!(scopes_of(env, &others).await, BOTH);
    }

    async fn who_made_a_connection_stays_who_made_it(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let (made, _) = scene.connect(scene.jane, true, READ).await;
        let (same, _) = scene.connect(scene.joe, true, READ).await;
        assert_eq!(same, made, "nothing changed");
        let (wider, _) = scene.connect(scene.joe, true, BOTH).await;
        assert_eq!((wider.id, wider.connected_by), (made.id, scene.jane));
        assert!(wider.updated_at > made.updated_at);
    }

    async fn lg_audit_a_connection_that_ends_with_something_else_is_in_the_trail(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let env = &scene.env;
        let (agreed, _) = scene.connect(scene.joe, false, READ).await;
        assert!(env.withdraw_consent(scene.joe, &scene.application.client_id, &by()).await.unwrap());
        let (joined, _) = scene.connect(scene.jane, false, READ).await;
        let (of_all, _) = scene.connect(scene.jane, true, READ).await;
        let filter = MembershipFilter { user_id: Some(scene.jane), ..Default::default() };
        let membership = env.memberships(filter, ALL).await.unwrap().rows[0].id;
        assert!(env.delete_membership(membership, &Expected::Any, &by()).await.unwrap());
        let event = format!(r#"application_connection.deleted  {{"permissions":{{"from":"{READ}","to":null}}}}"#);
        assert_eq!(trail(&database, env, "application_connection.deleted").await, [event.clone(), event]);
        let targets = "SELECT targets FROM audit_events WHERE action = 'application_connection.deleted' ORDER BY id";
        for (targets, gone) in database.values(targets).await.iter().zip([agreed.id, joined.id]) {
            assert!(targets.contains(&gone.to_string()), "{targets}");
        }
        assert_eq!(connection(env, of_all.id).await, of_all);
    }

    async fn who_leaves_an_organization_at_that_moment_connects_nothing_there(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let env = &scene.env;
        for round in 0..12 {
            let leaver = person(env, &format!("leaver{round}@example.com")).await;
            let membership = member(env, leaver, scene.works).await.id;
            let code = scene.code(leaver, READ).await;
            let works: Vec<Work<()>> = vec![
                work(move |env: Env| async move {
                    assert!(env.delete_membership(membership, &Expected::Any, &by()).await.unwrap());
                }),
                work(move |env: Env| async move {
                    assert!(env.save_code(code, Some(Scopes::stored(READ))).await.unwrap());
                }),
            ];
            on_nodes(database.url(), env, works);
            let theirs = ConnectionFilter { user_id: Some(leaver), ..ConnectionFilter::default() };
            assert_eq!(scene.listed(theirs).await, [], "round {round}");
        }
    }

    /// Whoever comes too late is told so; nobody waits for each other in a circle.
    async fn an_application_goes_while_tokens_are_asked_for_and_people_connect_it(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let env = &scene.env;
        for round in 0..12 {
            let application = application(env, &format!("Bank {round}"), ApplicationGrant::ClientCredentials).await;
            let mut works: Vec<Work<Result<bool, String>>> = Vec::new();
            for _ in 0..4 {
                let new = seed::new_static_token(env, &application).await;
                works.push(work(move |env: Env| async move {
                    let kept = env.save_static_token(new).await.map_err(|error| format!("{:?}", error.0))?;
                    Ok(kept != Kept::TooMany)
                }));
            }
            let id = application.id;
            works.insert(2, work(move |env: Env| async move {
                env.delete_application(id, &Expected::Any, &by()).await.map_err(|error| format!("{error:?}"))
            }));
            assert_eq!(on_nodes(database.url(), env, works), vec![Ok(true); 5], "round {round}");
        }
        assert_eq!(database.count("static_tokens").await, 0);
        for round in 0..8 {
            let application = application(env, &format!("Shop {round}"), ApplicationGrant::AuthorizationCode).await;
            let mut works: Vec<Work<Result<(), String>>> = Vec::new();
            for user in [scene.jane, scene.joe, scene.jane, scene.joe] {
                let client_id = application.client_id.clone();
                let code = AuthorizationCode { client_id, ..scene.code(user, READ).await };
                works.push(work(move |env: Env| async move {
                    match env.save_code(code, Some(Scopes::stored(READ))).await {
                        Ok(_) => Ok(()),
                        Err(error) if matches!(error.0.downcast_ref(), Some(Error::Reference)) => Ok(()),
                        Err(error) => Err(format!("{:?}", error.0)),
                    }
                }));
            }
            let id = application.id;
            works.insert(2, work(move |env: Env| async move {
                let gone = env.delete_application(id, &Expected::Any, &by()).await;
                gone.map(|_| ()).map_err(|error| format!("{error:?}"))
            }));
            assert_eq!(on_nodes(database.url(), env, works), vec![Ok(()); 5], "round {round}");
        }
        assert_eq!(scene.listed(ConnectionFilter::default()).await, []);
    }

    /// A deactivation ends them for good, and the user may act again afterwards.
    async fn static_tokens_that_are_dead_are_neither_listed_nor_counted(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let machine = application(&env, "Bank", ApplicationGrant::ClientCredentials).await;
        let service = env.machine(&machine.client_id).await.unwrap().unwrap().user.unwrap().id;
        let early = seed::new_static_token(&env, &machine).await;
        for _ in 0..100 {
            kept(&env, &machine).await;
        }
        assert_eq!(env.save_static_token(seed::new_static_token(&env, &machine).await).await.unwrap(), Kept::TooMany);
        for active in [false, true] {
            let change = UserChange { active: Some(active), ..UserChange::default() };
            env.update_user(service, change, &Expected::Any, &by()).await.unwrap().unwrap();
        }
        assert!(env.static_tokens(StaticTokenFilter::default(), ALL).await.unwrap().rows.is_empty());
        assert_eq!(env.save_static_token(early).await.unwrap(), Kept::Gone, "it was asked for before");
        let token = kept(&env, &machine).await;
        let (_, standing) = env.access_token(&token).await.unwrap().unwrap();
        assert!(standing.user_active && standing.client_active);
        assert_eq!(env.static_tokens(StaticTokenFilter::default(), ALL).await.unwrap().rows.len(), 1);
        is_refused(env.delete_user(service, &Expected::Any, &by()).await, Refusal::ServiceUser);
    }

    /// More uses than are written in one unit of work.
    async fn thousands_of_uses_are_all_written(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let (first, _) = scene.connect(scene.jane, true, READ).await;
        let at = by().at;
        let used = |id: Id<Connection>| Use { of: Used::Connection(id), at, ip: "203.0.113.5".parse().ok() };
        for _ in 0..1_500 {
            scene.env.note_use(used(new_id()));
        }
        let (last, _) = scene.connect(scene.joe, false, READ).await;
        for id in [first.id, last.id] {
            scene.env.note_use(used(id));
        }
        assert_eq!(database.db().write_uses().await.unwrap(), 1_502);
        for id in [first.id, last.id] {
            assert_eq!(connection(&scene.env, id).await.last_used_at, Some(at));
        }
    }
}
