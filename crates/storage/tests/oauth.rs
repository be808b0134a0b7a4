//! Tokens on storage: what a seeded environment can do at once, and how many statements each of the engine's verbs is.

use std::sync::Arc;

use paylent_domain::{Timestamp, clock::SystemClock, network::Caller};
use paylent_oauth::{
    Engine, Keyring, Parameters, Store as _, TokenRequest, crypto::seal::MasterKey, store::JwtReference,
};
use paylent_storage::{Page, UserFilter};
use paylent_tests::{
    both,
    seed::{self, MASTER_KEY, by},
};

use crate::common::{ALL, issue, token};

both! {
    async fn the_machine_of_a_new_environment_gets_a_token_for_its_management_api(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let tenant = seeded.env.tenant().clone();
        let keys = Arc::new(Keyring::new(MasterKey::from_base64(MASTER_KEY).unwrap()));
        let engine = Engine::new(tenant.oauth.clone(), keys, seeded.env.clone(), Arc::new(SystemClock));
        let (client_id, secret, resource) = (&seeded.client_id, seeded.secret.expose(), tenant.management_api());
        let body = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={secret}&resource={resource}"
        );
        let request = TokenRequest::parse(&[], Parameters::from_form(body.as_bytes()).unwrap(), Caller::UNKNOWN).unwrap();
        let reply = engine.token(request).await.unwrap();
        assert_eq!(reply.access_token.expose().split('.').count(), 3, "a JWT");
        assert!(seeded.env.authority(seeded.service_user).await.unwrap().unwrap().permissions.contains("users:delete"));
    }

    async fn each_verb_of_the_store_is_one_statement(database: TestDatabase) {
        let db = database.db();
        let seeded = seed::environment(&db, "acme").await;
        let (env, client_id) = (seeded.env, seeded.client_id.as_str());
        let hash = issue(&env, client_id, seeded.service_user).await;
        let kid = env.machine(client_id).await.unwrap().unwrap().primary_kid.unwrap();
        let jwt = JwtReference { kid: &kid, jti: "1", client_id, user_id: seeded.service_user, family_id: None };
        let another = token(client_id, seeded.service_user);
        let soon = Timestamp::from_seconds(1_793_000_600);
        let before = db.statements();
        macro_rules! statements {
            ($($verb:expr),+ $(,)?) => {[$({
                let before = db.statements();
                $verb.await.unwrap();
                db.statements() - before
            }),+]};
        }
        let counts = statements![
            env.machine(client_id),
            env.client(client_id),
            env.access_token(&hash),
            env.jwt_standing(jwt),
            env.save_access_token(another),
            env.signing_key(&kid),
            env.active_public_keys(),
            env.delete_access_token(&hash),
            env.deny_jwt("1", soon),
        ];
        assert_eq!(counts, [1; 9]);
        assert_eq!(db.statements() - before, 9);
    }

    async fn a_list_is_one_statement_and_its_count_another(database: TestDatabase) {
        let db = database.db();
        let seeded = seed::environment(&db, "acme").await;
        let start = db.statements();
        seeded.env.users(UserFilter::default(), ALL).await.unwrap();
        assert_eq!(db.statements() - start, 1);
        seeded.env.users(UserFilter::default(), Page { counted: true, ..ALL }).await.unwrap();
        assert_eq!(db.statements() - start, 3);
        seeded.env.authority(seeded.service_user).await.unwrap();
        assert_eq!(db.statements() - start, 4);
    }

    async fn a_change_is_four_statements_with_its_audit_event(database: TestDatabase) {
        let db = database.db();
        let env = seed::environment(&db, "acme").await.env;
        let start = db.statements();
        env.create_person(seed::person("jane@example.com"), &by()).await.unwrap();
        assert_eq!(db.statements() - start, 4, "BEGIN, two INSERTs, COMMIT");
    }
}
