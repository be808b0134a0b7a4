//! Who is told that a session ended, and that nobody is told by two at once.

use paylent_domain::{
    Id, Timestamp,
    client::{ClientType, GrantType},
    session::Session,
    user::User,
};
use paylent_oauth::{
    Store as _,
    crypto::secret::{SecretHash, identifier, random_bytes},
    store::{AuthorizationCode, Exchange, Exchanged, Family},
};
use paylent_storage::{ClientFilter, Db, Env, Expected, LogoutDelivery, Options, WaitingClient};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, connect, person, session};

/// Somebody who is signed in.
struct Visitor {
    user: Id<User>,
    session: Id<Session>,
}

async fn visitor(env: &Env) -> Visitor {
    let user = person(env, &format!("{}@example.com", identifier().unwrap().to_lowercase())).await;
    let new = session(user);
    let id = new.id;
    env.create_session(new, &by()).await.unwrap();
    Visitor { user, session: id }
}

/// A client that listens at this address.
async fn listener(database: &TestDatabase, env: &Env, uri: &str) -> String {
    let mut client = seed::machine(new_id(), new_id(), &"x".to_owned().into());
    client.grant_types = vec![GrantType::AuthorizationCode];
    client.client_type = ClientType::Confidential;
    client.redirect_uris = vec!["https://app.example.com/cb".to_owned()];
    client.user = None;
    let client_id = client.client_id.clone();
    env.register_client(client, &by()).await.unwrap();
    let set = format!("UPDATE clients SET backchannel_logout_uri = '{uri}' WHERE client_id = '{client_id}'");
    database.execute(&set).await;
    client_id
}

/// Lets a client have tokens of a session, with these scopes.
async fn family(env: &Env, client_id: &str, visitor: &Visitor, scopes: &str) {
    let now = by().at;
    let hash = SecretHash::from_bytes(random_bytes().unwrap());
    let code = AuthorizationCode {
        hash,
        request_id: identifier().unwrap(),
        client_id: client_id.to_owned(),
        user_id: visitor.user,
        session_id: visitor.session,
        redirect_uri: "https://app.example.com/cb".to_owned(),
        redirect_uri_sent: true,
        audience: "https://id.example.com".to_owned(),
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        nonce: None,
        code_challenge: None,
        auth_time: now,
        amr: Vec::new(),
        id_token_claims: Vec::new(),
        organization_id: None,
        for_organization: false,
        issued_at: now,
        expires_at: now.plus_seconds(60),
        client_generation: 0,
        user_generation: 0,
    };
    let family = Family {
        id: new_id(),
        client_id: code.client_id.clone(),
        user_id: code.user_id,
        session_id: code.session_id,
        audience: code.audience.clone(),
        scopes: code.scopes.clone(),
        auth_time: now,
        amr: Vec::new(),
        id_token_claims: Vec::new(),
        organization_id: None,
        created_at: now,
        client_generation: 0,
        user_generation: 0,
    };
    assert!(env.save_code(code, None).await.unwrap());
    let exchange = Exchange { code: hash, family, refresh: None, access: None };
    assert_eq!(env.exchange(exchange).await.unwrap(), Exchanged::Done);
}

async fn due(env: &Env, client_id: &str, now: Timestamp) -> Vec<LogoutDelivery> {
    env.due_logouts(client_id, now, 100).await.unwrap()
}

both! {
    async fn whatever_ends_a_session_ends_its_families_and_has_its_clients_told(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let client_id = listener(&database, env, "https://app.example.com/out?a=b").await;
        let silent = listener(&database, env, "x").await;
        database.execute("UPDATE clients SET backchannel_logout_uri = NULL WHERE backchannel_logout_uri = 'x'").await;
        for way in ["sign-out", "revocation", "deletion"] {
            let visitor = visitor(env).await;
            for (client, scopes) in [(&client_id, "openid"), (&client_id, "offline_access openid"), (&silent, "openid")] {
                family(env, client, &visitor, scopes).await;
            }
            let at = by();
            match way {
                "sign-out" => drop(env.end_session(visitor.session, at.at).await.unwrap().unwrap()),
                "revocation" => drop(env.revoke_session(visitor.session, &Expected::Any, &at).await.unwrap().unwrap()),
                _ => assert!(env.delete_session(visitor.session, &Expected::Any, &at).await.unwrap()),
            }
            let session = database.bytes(visitor.session.as_bytes());
            let of_session = |rule: &str| format!("token_families WHERE session_id = {session} AND {rule}");
            assert_eq!(database.count(&of_session("revoked_at IS NULL")).await, 1, "{way}");
            let left = of_session("revoked_at IS NULL AND scope = 'offline_access openid'");
            assert_eq!(database.count(&left).await, 1, "{way}");
            let expected = LogoutDelivery {
                client_id: client_id.clone(),
                session_id: visitor.session,
                user_id: visitor.user,
                uri: "https://app.example.com/out?a=b".to_owned(),
                created_at: at.at,
                attempts: 0,
            };
            assert_eq!(due(env, &client_id, at.at).await, std::slice::from_ref(&expected), "{way}");
            assert_eq!(due(env, &client_id, at.at.plus_seconds(-1)).await, [], "{way}");
            assert_eq!(due(env, &silent, at.at).await, [], "{way}");
            let environment = env.tenant().environment.clone();
            let waiting = WaitingClient { environment, client_id: client_id.clone() };
            assert_eq!(database.db().clients_to_tell(at.at).await.unwrap(), [waiting], "{way}");
            assert_eq!(database.db().clients_to_tell(at.at.plus_seconds(-1)).await.unwrap(), [], "{way}");
            // Once is enough, and the person is forgotten sooner than the client is told.
            env.end_session(visitor.session, at.at).await.unwrap();
            env.revoke_session(visitor.session, &Expected::Any, &at).await.unwrap();
            env.delete_session(visitor.session, &Expected::Any, &at).await.unwrap();
            assert!(env.delete_user(visitor.user, &Expected::Any, &by()).await.unwrap());
            assert_eq!(due(env, &client_id, at.at).await, std::slice::from_ref(&expected), "{way}");
            env.forget_logout(&expected).await.unwrap();
            assert_eq!(database.count("logout_deliveries").await, 0, "{way}");
        }
    }

    async fn a_sign_out_is_told_of_in_the_audit_trail_as_the_persons_own_doing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let visitor = visitor(&env).await;
        let at = by().at;
        for _ in 0..2 {
            env.end_session(visitor.session, at).await.unwrap();
        }
        let (user, session) = (visitor.user, visitor.session);
        let event = format!(
            "audit_events WHERE action = 'session.revoked' AND actor_type = 'user' AND actor_id = '{user}' \
             AND actor_name <> '' AND occurred_at = {} AND targets LIKE '%{session}%'", at.micros()
        );
        assert_eq!(database.count(&event).await, 1);
        assert_eq!(database.count("audit_events WHERE action = 'session.revoked'").await, 1);
    }

    async fn deleting_a_client_forgets_what_it_was_to_be_told(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (client_id, visitor) = (listener(&database, &env, "https://app.example.com").await, visitor(&env).await);
        family(&env, &client_id, &visitor, "openid").await;
        env.end_session(visitor.session, by().at).await.unwrap();
        assert_eq!(database.count("logout_deliveries").await, 1);
        let named = ClientFilter { client_id: Some(client_id), ..Default::default() };
        let client = env.clients(named, ALL).await.unwrap().rows.remove(0);
        assert!(env.delete_client(client.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(database.count("logout_deliveries").await, 0);
    }

    async fn of_all_that_claim_a_delivery_one_gets_it(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (client_id, visitor) = (listener(&database, &env, "https://app.example.com").await, visitor(&env).await);
        family(&env, &client_id, &visitor, "openid").await;
        let now = by().at;
        env.end_session(visitor.session, now).await.unwrap();
        let delivery = due(&env, &client_id, now).await.remove(0);
        let another = Db::open(database.url(), Options { connections: 8 }).unwrap();
        for pool in [&database.db(), &another] {
            connect(pool).await;
        }
        let other = Env::new(another, env.tenant().clone());
        let until = now.plus_seconds(30);
        let attempts = (0..16).map(|number| {
            let (node, delivery) = (if number % 2 == 0 { env.clone() } else { other.clone() }, delivery.clone());
            tokio::spawn(async move { node.claim_logout(&delivery, now, until).await.unwrap() })
        });
        let claims = futures_util::future::join_all(attempts.collect::<Vec<_>>()).await;
        let claimed: Vec<_> = claims.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(claimed, [LogoutDelivery { attempts: 1, ..delivery.clone() }]);
        assert_eq!(due(&other, &client_id, until.plus_seconds(-1)).await, []);
        assert_eq!(env.claim_logout(&claimed[0], now, until).await.unwrap(), None, "it is not due");
        // Whoever claimed it died: the next may, and what the dead one does late changes nothing.
        assert_eq!(due(&other, &client_id, until).await, claimed);
        let next = other.claim_logout(&claimed[0], until, until.plus_seconds(30)).await.unwrap().unwrap();
        env.postpone_logout(&claimed[0], now).await.unwrap();
        assert_eq!(due(&env, &client_id, until).await, []);
        other.postpone_logout(&next, until.plus_seconds(5)).await.unwrap();
        assert_eq!(due(&env, &client_id, until.plus_seconds(4)).await, []);
        assert_eq!(due(&env, &client_id, until.plus_seconds(5)).await, [next]);
    }

    async fn rb_xenv_a_delivery_belongs_to_its_environment(database: TestDatabase) {
        let (acme, beta) = (seed::environment(&database.db(), "acme").await.env, seed::environment(&database.db(), "beta").await.env);
        let (client_id, visitor) = (listener(&database, &acme, "https://app.example.com").await, visitor(&acme).await);
        family(&acme, &client_id, &visitor, "openid").await;
        let now = by().at;
        assert!(beta.end_session(visitor.session, now).await.unwrap().is_none());
        acme.end_session(visitor.session, now).await.unwrap();
        let delivery = due(&acme, &client_id, now).await.remove(0);
        assert_eq!(due(&beta, &client_id, now).await, []);
        assert_eq!(beta.claim_logout(&delivery, now, now.plus_seconds(30)).await.unwrap(), None);
        beta.postpone_logout(&delivery, now.plus_seconds(60)).await.unwrap();
        beta.forget_logout(&delivery).await.unwrap();
        assert_eq!(due(&acme, &client_id, now).await, [delivery]);
    }
}
