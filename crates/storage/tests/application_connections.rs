//! What organizations and people let applications do, and tokens of applications that never expire: lists, changes and ends.

use paylent_domain::{
    application::{ApplicationGrant, Connection, StaticToken},
    scope::Scopes,
    user::UserChange,
};
use paylent_oauth::{
    Store as _,
    store::{AuthorizationCode, Use, Used},
};
use paylent_storage::{
    ApplicationChange, ConnectedApplication, ConnectionFilter, Expected, Page, Refusal, StaticTokenFilter,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::{
    common::{ALL, is_refused, on_nodes, stale, work},
    scene::{BOTH, READ, Scene, application, static_token, trail},
};

both! {
    async fn connections_are_listed_by_application_organization_person_and_reach(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let (for_all, _) = scene.connect(scene.jane, true, BOTH).await;
        let (own, _) = scene.connect(scene.joe, false, READ).await;
        let expected = Connection {
            id: own.id,
            application_id: scene.application.id,
            organization_id: Some(scene.works),
            user_id: Some(scene.joe),
            connected_by: scene.joe,
            permissions: Scopes::stored(READ),
            last_used_at: None,
            last_used_ip: None,
            created_at: own.created_at,
            updated_at: own.created_at,
        };
        assert_eq!(own, expected);
        assert_eq!((for_all.user_id, for_all.connected_by), (None, scene.jane));
        let owner = scene.application.organization_id;
        let all = vec![for_all.id, own.id];
        let any = ConnectionFilter::default;
        assert_eq!(scene.listed(any()).await, all);
        assert_eq!(scene.listed(ConnectionFilter { application_id: Some(scene.application.id), ..any() }).await, all);
        assert_eq!(scene.listed(ConnectionFilter { application_id: Some(new_id()), ..any() }).await, []);
        assert_eq!(scene.listed(ConnectionFilter { organization_id: Some(scene.works), ..any() }).await, all);
        assert_eq!(scene.listed(ConnectionFilter { user_id: Some(scene.joe), ..any() }).await, [own.id]);
        assert_eq!(scene.listed(ConnectionFilter { user_id: Some(scene.jane), ..any() }).await, []);
        assert_eq!(scene.listed(ConnectionFilter { within: Some([scene.works].into()), ..any() }).await, all);
        for beyond in [[owner].into(), [].into()] {
            assert_eq!(scene.listed(ConnectionFilter { within: Some(beyond), ..any() }).await, [], "the owner has no say");
        }
        let counted = scene.env.application_connections(any(), Page { limit: 1, counted: true, ..ALL }).await.unwrap();
        assert_eq!((counted.rows.len(), counted.total), (1, Some(2)));
        let beta = seed::environment(&database.db(), "beta").await.env;
        assert_eq!(beta.application_connection(own.id).await.unwrap(), None);
        assert!(beta.application_connections(any(), ALL).await.unwrap().rows.is_empty());
    }

    async fn lg_audit_who_agrees_is_named_in_the_trail_when_something_changes(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        for scope in [READ, READ, BOTH] {
            scene.connect(scene.jane, true, scope).await;
        }
        scene.env.save_code(scene.code(scene.jane, READ).await, None).await.unwrap();
        let jane = scene.jane;
        let expected = [
            format!(r#"application_connection.created {jane} {{"permissions":{{"from":null,"to":"{READ}"}}}}"#),
            format!(r#"application_connection.updated {jane} {{"permissions":{{"from":"{READ}","to":"{BOTH}"}}}}"#),
        ];
        assert_eq!(trail(&database, &scene.env, "application_connection.").await, expected);
        let targets = "SELECT targets FROM audit_events WHERE action = 'application_connection.created'";
        let targets = database.values(targets).await.remove(0);
        for named in ["application_connection", "application", "organization", "Ledger", "Works"] {
            assert!(targets.contains(&format!("\"{named}\"")), "{targets}");
        }
    }

    async fn a_connection_is_narrowed_and_never_widened(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let scene = Scene::set(env).await;
        let (made, code) = scene.connect(scene.jane, true, "documents:read documents:write openid").await;
        let token = scene.exchange(&code).await;
        let before = database.dump().await;
        let narrow = async |to: &str, expected| scene.env.narrow_connection(made.id, Scopes::stored(to), &expected, &by()).await;
        is_refused(narrow("documents:read documents:shred", Expected::Any).await, Refusal::Wider);
        is_refused(narrow("email", Expected::Any).await, Refusal::Wider);
        is_refused(narrow(READ, stale()).await, Refusal::Stale);
        let unknown = scene.env.narrow_connection(new_id(), Scopes::default(), &Expected::Any, &by()).await;
        assert_eq!(unknown.unwrap(), None);
        assert_eq!(database.dump().await, before, "nothing changed");
        let at = by();
        let expected = Expected::OneOf(vec![made.updated_at]);
        let narrowed = scene.env.narrow_connection(made.id, Scopes::stored(READ), &expected, &at).await.unwrap().unwrap();
        let permissions = Scopes::stored("documents:read openid");
        assert_eq!(narrowed, Connection { permissions: permissions.clone(), updated_at: at.at, ..made.clone() });
        let (_, standing) = scene.env.access_token(&token).await.unwrap().unwrap();
        assert_eq!(standing.connection.map(|connection| connection.scopes), Some(permissions));
        let event = r#"application_connection.updated  {"permissions":{"from":"documents:read documents:write openid","to":"documents:read openid"}}"#;
        assert_eq!(trail(&database, &scene.env, "application_connection.updated").await, [event]);
        is_refused(narrow(BOTH, Expected::Any).await, Refusal::Wider);
        assert_eq!(narrow("", Expected::Any).await.unwrap().unwrap().permissions.to_string(), "openid");
    }

    async fn a_connection_is_withdrawn_once_with_all_that_lives_by_it(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let (made, code) = scene.connect(scene.jane, true, READ).await;
        let token = scene.exchange(&code).await;
        let (own, kept) = scene.connect(scene.joe, false, READ).await;
        let kept = scene.exchange(&kept).await;
        let beta = seed::environment(&database.db(), "beta").await.env;
        let before = database.dump().await;
        is_refused(scene.env.disconnect(made.id, &stale(), &by()).await, Refusal::Stale);
        assert!(!scene.env.disconnect(new_id(), &Expected::Any, &by()).await.unwrap());
        assert!(!beta.disconnect(made.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(database.dump().await, before, "nothing changed");
        let id = made.id;
        let end = |_| work(move |env| async move { env.disconnect(id, &Expected::Any, &by()).await.unwrap() });
        let ended = on_nodes(database.url(), &scene.env, (0..4).map(end).collect());
        assert_eq!(ended.iter().filter(|ended| **ended).count(), 1);
        let event = format!(r#"application_connection.deleted  {{"permissions":{{"from":"{READ}","to":null}}}}"#);
        assert_eq!(trail(&database, &scene.env, "application_connection.deleted").await, [event]);
        assert_eq!(scene.listed(ConnectionFilter::default()).await, [own.id]);
        for (token, lives) in [(token, false), (kept, true)] {
            let (_, standing) = scene.env.access_token(&token).await.unwrap().unwrap();
            assert_eq!((standing.family_revoked, standing.connection.is_some()), (!lives, lives));
        }
        assert_eq!(scene.env.code(&code.hash).await.unwrap(), None);
    }

    async fn what_a_connection_gave_ends_with_the_person_and_not_with_their_session(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let (_, code) = scene.connect(scene.joe, false, READ).await;
        let token = scene.exchange(&code).await;
        let read = async || scene.env.access_token(&token).await.unwrap().unwrap().1;
        assert_eq!(scene.env.end_own_sessions(scene.joe, None, &by()).await.unwrap(), 1);
        let standing = read().await;
        assert!(!standing.family_revoked && standing.connection.is_some());
        let change = UserChange { active: Some(false), ..UserChange::default() };
        scene.env.update_user(scene.joe, change, &Expected::Any, &by()).await.unwrap();
        let standing = read().await;
        assert!(!standing.user_active && standing.user_generation > 0, "{standing:?}");
    }

    async fn a_person_sees_what_they_connected_as_far_as_it_goes(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let seen = async |user| {
            let seen = scene.env.connected_applications(user, by().at).await.unwrap();
            let scopes = |app: &ConnectedApplication| app.scopes.iter().map(|scope| scope.name.clone()).collect::<Vec<_>>();
            seen.iter().map(|app| (app.name.clone(), scopes(app).join(" "))).collect::<Vec<_>>()
        };
        let shown = |scopes: &str| vec![("Ledger".to_owned(), scopes.to_owned())];
        scene.connect(scene.jane, true, READ).await;
        assert_eq!(seen(scene.jane).await, [], "the company's is not hers");
        let (made, _) = scene.connect(scene.joe, false, "documents:read documents:write openid").await;
        assert_eq!(seen(scene.joe).await, shown("documents:read documents:write openid"));
        let change = ApplicationChange { permissions: Some(Scopes::stored(READ)), ..ApplicationChange::default() };
        scene.env.update_application(scene.application.id, change, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(seen(scene.joe).await, shown("documents:read openid"), "what the application lost is lost");
        let code = AuthorizationCode { scopes: Scopes::stored(READ), ..scene.code(scene.jane, READ).await };
        assert!(scene.env.save_code(code.clone(), None).await.unwrap());
        scene.exchange(&code).await;
        assert_eq!(seen(scene.jane).await, shown(READ), "she uses the company's");
        let client_id = &scene.application.client_id;
        for user in [scene.jane, scene.joe] {
            assert!(scene.env.withdraw_consent(user, client_id, &by()).await.unwrap());
            assert_eq!(seen(user).await, []);
        }
        assert_eq!(scene.env.application_connection(made.id).await.unwrap(), None);
        assert_eq!(scene.listed(ConnectionFilter::default()).await.len(), 1, "the company's stays");
    }

    async fn an_organization_that_goes_takes_what_it_connected_along(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let mut tokens = Vec::new();
        for (user, for_organization) in [(scene.jane, true), (scene.joe, false)] {
            let (_, code) = scene.connect(user, for_organization, READ).await;
            tokens.push(scene.exchange(&code).await);
        }
        assert!(scene.env.delete_organization(scene.works, &Expected::Any, &by()).await.unwrap());
        assert_eq!(scene.listed(ConnectionFilter::default()).await, []);
        for token in tokens {
            let (_, standing) = scene.env.access_token(&token).await.unwrap().unwrap();
            assert_eq!((standing.family_revoked, standing.connection), (true, None));
        }
    }

    async fn static_tokens_are_listed_and_revoked_one_by_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let ledger = application(&env, "Bakery", ApplicationGrant::ClientCredentials).await;
        let other = application(&env, "Works", ApplicationGrant::ClientCredentials).await;
        let first = static_token(&env, &ledger).await;
        let (one, hash) = (first.id, first.token.hash);
        let second = static_token(&env, &ledger).await;
        let (two, kept) = (second.id, second.token.hash);
        let three = static_token(&env, &other).await.id;
        let listed = async |filter| {
            let listed = env.static_tokens(filter, ALL).await.unwrap().rows;
            listed.into_iter().map(|token: StaticToken| token.id).collect::<Vec<_>>()
        };
        let any = StaticTokenFilter::default;
        assert_eq!(listed(any()).await, [one, two, three]);
        assert_eq!(listed(StaticTokenFilter { application_id: Some(ledger.id), ..any() }).await, [one, two]);
        let of_its_owner = StaticTokenFilter { within: Some([other.organization_id].into()), ..any() };
        assert_eq!(listed(of_its_owner).await, [three]);
        assert_eq!(listed(StaticTokenFilter { within: Some([].into()), ..any() }).await, []);
        let read = env.static_token(one).await.unwrap().unwrap();
        let (application_id, organization_id) = (ledger.id, ledger.organization_id);
        let expected = StaticToken {
            id: one,
            application_id,
            organization_id,
            prefix: "pay_at_x8Kq2L".to_owned(),
            last_used_at: None,
            last_used_ip: None,
            created_at: first.token.issued_at,
        };
        assert_eq!(read, expected);
        let at = by().at;
        env.note_use(Use { of: Used::StaticToken(hash), at, ip: "203.0.113.5".parse().ok() });
        assert_eq!(database.db().write_uses().await.unwrap(), 1);
        let used = env.static_token(one).await.unwrap().unwrap();
        assert_eq!(used, StaticToken { last_used_at: Some(at), last_used_ip: Some("203.0.113.5".to_owned()), ..expected });
        let beta = seed::environment(&database.db(), "beta").await.env;
        assert_eq!(beta.static_token(one).await.unwrap(), None);
        assert!(!beta.revoke_static_token(one, &by()).await.unwrap());
        assert!(env.revoke_static_token(one, &by()).await.unwrap());
        assert!(!env.revoke_static_token(one, &by()).await.unwrap());
        assert_eq!(env.static_token(one).await.unwrap(), None);
        assert!(env.access_token(&hash).await.unwrap().is_none() && env.access_token(&kept).await.unwrap().is_some());
        assert_eq!(trail(&database, &env, "application_token.").await, ["application_token.deleted  {}"]);
        assert_eq!(listed(any()).await, [two, three]);
    }
}
