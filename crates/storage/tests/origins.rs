//! Whose scripts may read an environment's answers.

use paylent_domain::client::ClientType;
use paylent_storage::{ClientChange, Env, Expected, NewClient};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::public;

const APP: &str = "https://app.example";

fn with_origins(origins: &[&str]) -> NewClient {
    NewClient { allowed_origins: origins.iter().map(|&origin| origin.to_owned()).collect(), ..public() }
}

async fn allows(env: &Env, origin: &str) -> bool {
    env.allows_origin(origin).await.unwrap()
}

both! {
    async fn an_origin_is_allowed_to_the_letter(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        assert!(!allows(&env, APP).await);
        let registered = [APP, "http://localhost:3000", "https://a_b.example"];
        env.register_client(with_origins(&registered), &by()).await.unwrap();
        env.register_client(with_origins(&[]), &by()).await.unwrap();
        for origin in registered {
            assert!(allows(&env, origin).await, "{origin}");
        }
        for origin in [
            "https://app.exampl",
            "https://app.example.evil.test",
            "https://other.app.example",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example/",
            "HTTPS://APP.EXAMPLE",
            "http://localhost",
            "http://localhost:30000",
            "https://axb.example",
            "https://%",
            "%",
            "https://_",
            "*",
            "null",
            "",
            "https://app.example\",\"http://localhost:3000",
            "https://app.example\0",
        ] {
            assert!(!allows(&env, origin).await, "{origin:?}");
        }
    }

    async fn an_origin_counts_while_a_public_client_is_active(database: TestDatabase) {
        let db = database.db();
        let (seeded, other) = (seed::environment(&db, "acme").await, seed::environment(&db, "other").await);
        let env = &seeded.env;
        let confidential = NewClient {
            allowed_origins: vec![APP.to_owned()],
            ..seed::machine(new_id(), new_id(), &seeded.secret)
        };
        assert_eq!(confidential.client_type, ClientType::Confidential);
        env.register_client(confidential, &by()).await.unwrap();
        other.env.register_client(with_origins(&[APP]), &by()).await.unwrap();
        assert!(!allows(env, APP).await, "a confidential client's, and another environment's");
        let id = env.register_client(with_origins(&[APP]), &by()).await.unwrap().id;
        assert!(allows(env, APP).await);
        for (active, allowed) in [(false, false), (true, true)] {
            let change = ClientChange { active: Some(active), ..ClientChange::default() };
            env.update_client(id, change, &Expected::Any, &by()).await.unwrap();
            assert_eq!(allows(env, APP).await, allowed);
        }
        let fewer = ClientChange { allowed_origins: Some(Vec::new()), ..ClientChange::default() };
        env.update_client(id, fewer, &Expected::Any, &by()).await.unwrap();
        assert!(!allows(env, APP).await);
    }

    async fn an_origin_is_looked_up_in_one_statement_and_nonsense_in_none(database: TestDatabase) {
        let db = database.db();
        let env = seed::environment(&db, "acme").await.env;
        for (origin, statements) in [(APP, 1), ("null", 0)] {
            let before = db.statements();
            allows(&env, origin).await;
            assert_eq!(db.statements() - before, statements, "{origin}");
        }
    }
}
