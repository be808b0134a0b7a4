//! The schema is brought up to date once, whole, and never backwards.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use futures_util::future::join;
use paylent_domain::{Id, application::ApplicationGrant, clock::Stopwatch, session, user::service_key};
use paylent_storage::{DatabaseUrl, MigrationError, migrate, migrations};
use paylent_tests::{TestDatabase, both, seed};

use crate::{
    common::nothing_is_open,
    scene::application,
    schema_parity::{self, Schema},
};

both! {
    async fn a_new_database_is_migrated_once(database: TestDatabase) {
        let database = database.empty().await;
        let missing = status(&database).await;
        assert!(!missing.is_empty());
        assert!(missing.iter().all(|migration| !migration.applied), "{missing:?}");
        let names: Vec<_> = missing.into_iter().map(|migration| migration.name).collect();
        assert_eq!(names[0], "0001_core");
        assert_eq!(up_to_date(&database).await.unwrap(), names);
        assert!(status(&database).await.iter().all(|migration| migration.applied));
        assert_eq!(up_to_date(&database).await.unwrap(), [""; 0]);
        assert!(!database.db().has_accounts().await.unwrap());
    }

    async fn every_migration_of_the_tree_is_built_in(database: TestDatabase) {
        let names = fs::read_dir(tree(&database)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let built_in = status(&database).await.into_iter().map(|migration| migration.name);
        assert_eq!(names.collect::<BTreeSet<_>>(), built_in.collect());
    }

    async fn every_migration_is_undone_by_its_other_half(database: TestDatabase) {
        let whole = schema_parity::of(&database).await;
        let database = database.empty().await;
        for [up, down] in halves(&database) {
            let before = schema_parity::of(&database).await;
            database.execute(&up).await;
            assert_ne!(schema_parity::of(&database).await, before);
            database.execute(&down).await;
            assert_eq!(schema_parity::of(&database).await, before);
            database.execute(&up).await;
        }
        assert_eq!(schema_parity::of(&database).await, whole);
    }

    async fn service_users_of_the_first_schema_get_a_place_among_the_addresses(database: TestDatabase) {
        let database = database.empty().await;
        let [[core, _], [management, back], ..] = &halves(&database)[..] else { panic!("two migrations") };
        database.execute(core).await;
        let (environment, service) = (database.bytes(&[1; 16]), database.bytes(&[0xab; 16]));
        let person = database.bytes(&[3; 16]);
        database.execute(&format!("INSERT INTO environments (id, handle, created_at, updated_at) VALUES ({environment}, 'acme', 0, 0)")).await;
        for (id, kind, key) in [(&service, "service", "NULL"), (&person, "person", "'jane@example.com'")] {
            database.execute(&format!(
                "INSERT INTO users (environment_id, id, kind, email_key, email_verified, active, created_at, updated_at) \
                 VALUES ({environment}, {id}, '{kind}', {key}, false, true, 0, 0)"
            )).await;
        }
        database.execute(management).await;
        let keys = "SELECT email_key FROM users WHERE email_key IS NOT NULL ORDER BY email_key";
        let key = service_key(Id::from_bytes([0xab; 16]));
        assert_eq!(database.values(keys).await, ["jane@example.com", &key]);
        assert_eq!(database.values("SELECT session_ttl FROM environments").await, [session::DEFAULT_TTL.to_string()]);
        database.execute(back).await;
        assert_eq!(database.values(keys).await, ["jane@example.com"]);
    }

    async fn clients_of_the_second_schema_keep_their_secret_and_may_have_keys_instead(database: TestDatabase) {
        let database = database.empty().await;
        let [[core, _], [management, _], [sign_in, back], ..] = &halves(&database)[..] else { panic!("three migrations") };
        database.execute(core).await;
        database.execute(management).await;
        let (environment, hash) = (database.bytes(&[1; 16]), database.bytes(&[2; 32]));
        database.execute(&format!("INSERT INTO environments (id, handle, created_at, updated_at) VALUES ({environment}, 'acme', 0, 0)")).await;
        for (id, kind, secret) in [(3, "confidential", &*hash), (4, "confidential", &hash), (5, "public", "NULL")] {
            let columns = "environment_id, id, client_id, name, client_type, secret_hash, redirect_uris, grant_types, \
                           token_format, first_party, require_pkce, active, created_at, updated_at";
            let (bytes, rest) = (database.bytes(&[id; 16]), "'[]', '[]', 'jwt', true, true, true, 0, 0");
            let values = format!("{bytes}, '{id}', '', '{kind}', {secret}, {rest}");
            database.execute(&format!("INSERT INTO clients ({columns}) VALUES ({environment}, {values})")).await;
        }
        database.execute(sign_in).await;
        let with_keys = database.bytes(&[4; 16]);
        database.execute(&format!("UPDATE clients SET secret_hash = NULL, jwks = 'x' WHERE id = {with_keys}")).await;
        let secrets = |hash: &str| format!("clients WHERE client_type = 'confidential' AND secret_hash = {hash}");
        assert_eq!(database.count(&secrets(&hash)).await, 1);
        database.execute(back).await;
        assert_eq!(database.count(&secrets(&hash)).await, 1);
        let nobodys = database.bytes(&[0; 32]);
        assert_eq!(database.count(&secrets(&nobodys)).await, 1, "who had keys has a secret that nobody knows");
        database.execute(sign_in).await;
    }

    async fn who_goes_back_before_applications_keeps_no_user_that_nobody_can_delete(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let people = "users WHERE kind = 'service'";
        let before = database.count(people).await;
        application(&seeded.env, "Bank", ApplicationGrant::ClientCredentials).await;
        assert_eq!(database.count(people).await, before + 1);
        // Applications came with the seventh.
        for [_, down] in halves(&database).drain(6..).rev() {
            database.execute(&down).await;
        }
        assert_eq!(database.count(people).await, before);
        let orphans = "NOT EXISTS (SELECT 1 FROM clients c WHERE c.user_id = users.id)";
        assert_eq!(database.count(&format!("{people} AND {orphans}")).await, 0);
    }

    async fn asking_for_the_status_changes_nothing(database: TestDatabase) {
        let database = database.empty().await;
        status(&database).await;
        assert_eq!(database.tables().await, [""; 0]);
    }

    async fn the_schema_of_a_newer_version_is_refused_and_left_alone(database: TestDatabase) {
        database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").await;
        let before = database.dump().await;
        let refused = up_to_date(&database).await.unwrap_err();
        assert!(matches!(&refused, MigrationError::Newer(version) if version == "9999"), "{refused:?}");
        assert!(refused.to_string().contains("9999"), "{refused}");
        let url = database.url().clone();
        let refused = tokio::task::spawn_blocking(move || migrations(&url)).await.unwrap();
        assert!(matches!(refused, Err(MigrationError::Newer(_))), "{refused:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn a_migration_that_fails_leaves_nothing_behind(database: TestDatabase) {
        let whole = schema_parity::of(&database).await;
        let database = database.empty().await;
        database.execute("CREATE TABLE signing_keys (in_the_way TEXT)").await;
        let before = schema_parity::of(&database).await;
        let failed = up_to_date(&database).await;
        assert!(matches!(failed, Err(MigrationError::Failed(_))), "{failed:?}");
        assert_eq!(schema_parity::of(&database).await, before);
        database.execute("DROP TABLE signing_keys").await;
        up_to_date(&database).await.unwrap();
        assert_eq!(schema_parity::of(&database).await, whole);
    }

    /// R22 of the catalogue.
    async fn five_nodes_that_start_at_once_migrate_once(database: TestDatabase) {
        let whole = schema_parity::of(&database).await;
        for _ in 0..3 {
            let database = database.empty().await;
            let mut nodes: Vec<_> = (0..5).map(|_| Node::ready(database.url())).collect();
            nodes.iter_mut().for_each(Node::start);
            let mut applied: Vec<_> = nodes.into_iter().map(Node::finish).collect();
            applied.sort();
            let once = status(&database).await.len().to_string();
            assert_eq!(applied, ["0", "0", "0", "0", &once]);
            assert_eq!(schema_parity::of(&database).await, whole);
        }
    }

    /// R23 of the catalogue.
    async fn a_node_killed_while_it_migrates_leaves_all_or_nothing_to_the_next(database: TestDatabase) {
        const INSTANTS: u32 = 16;
        let whole = schema_parity::of(&database).await;
        let steps = steps(&database).await;
        let undisturbed = {
            let database = database.empty().await;
            let mut node = Node::ready(database.url());
            let stopwatch = Stopwatch::start();
            node.start();
            node.finish();
            stopwatch.elapsed()
        };
        for instant in 0..INSTANTS {
            let database = database.empty().await;
            let mut node = Node::ready(database.url());
            node.start();
            // No condition to wait for: any instant may be the one.
            thread::sleep(undisturbed * instant / INSTANTS);
            node.kill();
            all_or_nothing(&database, &steps).await;
            up_to_date(&database).await.unwrap();
            assert_eq!(schema_parity::of(&database).await, whole, "killed at {instant}/{INSTANTS} of {undisturbed:?}");
        }
    }
}

/// R23 of the catalogue. The one who is in the way ends the migration in its very middle.
#[tokio::test]
async fn a_migration_whose_connection_is_cut_half_way_is_rolled_back_and_done_again() {
    const IN_THE_WAY: &str = "
        BEGIN;
        CREATE TABLE signing_keys ();
        DO $$
        BEGIN
            FOR n IN 1..1000 LOOP
                PERFORM pg_stat_clear_snapshot();
                IF (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock') > 0 THEN
                    RETURN;
                END IF;
                PERFORM pg_sleep(0.01);
            END LOOP;
            RAISE 'nobody came';
        END $$;
        ROLLBACK;";
    let database = TestDatabase::postgres().await;
    let whole = schema_parity::of(&database).await;
    let database = database.empty().await;
    let migrating = async {
        let in_the_way = "pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        for _ in 0..10_000 {
            if database.count(in_the_way).await > 0 {
                return up_to_date(&database).await;
            }
        }
        panic!("nobody is in the way");
    };
    let ((), cut) = join(database.execute(IN_THE_WAY), migrating).await;
    assert!(matches!(cut, Err(MigrationError::Failed(_))), "{cut:?}");
    assert!(schema_parity::of(&database).await.is_empty());
    up_to_date(&database).await.unwrap();
    assert_eq!(schema_parity::of(&database).await, whole);
}

#[test]
fn a_database_that_cannot_be_opened_is_named_as_the_reason() {
    for url in ["sqlite:/nowhere/at/all.sqlite", "postgres://nobody@127.0.0.1:1/nothing"] {
        let outcome = migrate(&url.parse().unwrap());
        assert!(matches!(outcome, Err(MigrationError::Connection(_))), "{url}: {outcome:?}");
    }
}

/// Where the migrations of this system are.
fn tree(database: &TestDatabase) -> PathBuf {
    let tree = if database.is_postgres() { "postgres" } else { "sqlite" };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(tree)
}

/// What each migration does and undoes, in order.
fn halves(database: &TestDatabase) -> Vec<[String; 2]> {
    let mut migrations: Vec<_> = fs::read_dir(tree(database)).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    let half = |path: &Path, half| fs::read_to_string(path.join(half)).unwrap();
    migrations.iter().map(|path| [half(path, "up.sql"), half(path, "down.sql")]).collect()
}

async fn up_to_date(database: &TestDatabase) -> Result<Vec<String>, MigrationError> {
    let url = database.url().clone();
    tokio::task::spawn_blocking(move || migrate(&url)).await.unwrap()
}

async fn status(database: &TestDatabase) -> Vec<paylent_storage::Migration> {
    let url = database.url().clone();
    tokio::task::spawn_blocking(move || migrations(&url)).await.unwrap().unwrap()
}

/// The schemas that whole migrations make: none, the first, the first two, and so on.
async fn steps(database: &TestDatabase) -> Vec<Schema> {
    let database = database.empty().await;
    let mut steps = vec![Schema::default()];
    for [up, _] in halves(&database) {
        database.execute(&up).await;
        steps.push(schema_parity::of(&database).await);
    }
    steps
}

/// Checks that each migration was either done or not.
async fn all_or_nothing(database: &TestDatabase, steps: &[Schema]) {
    nothing_is_open(database).await;
    let schema = schema_parity::of(database).await;
    assert!(steps.contains(&schema), "{schema:?}");
}

const DATABASE: &str = "PAYLENT_TEST_MIGRATE";

/// Another process that migrates a database.
struct Node(Child);

impl Node {
    /// A process that waits for the word.
    fn ready(url: &DatabaseUrl) -> Self {
        let url = match url {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => url.clone(),
        };
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "migrate::this_process_is_a_node", "--ignored", "--nocapture"]).env(DATABASE, url);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        read_until(&mut child, "ready");
        Self(child)
    }

    fn start(&mut self) {
        self.0.stdin.take().unwrap().write_all(b"go").unwrap();
    }

    /// How many migrations it applied.
    fn finish(mut self) -> String {
        read_until(&mut self.0, "applied ");
        let applied = read_until(&mut self.0, ".");
        assert!(self.0.wait().unwrap().success());
        applied
    }

    /// Ends it as a power cut would.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What a process writes before `end`.
fn read_until(child: &mut Child, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    let output = child.stdout.as_mut().unwrap();
    loop {
        output.read_exact(&mut byte).unwrap_or_else(|error| panic!("{text:?} is not {end:?}: {error}"));
        text.push(char::from(byte[0]));
        if let Some(before) = text.strip_suffix(end) {
            return before.to_owned();
        }
    }
}

/// The other end of [`Node`].
#[test]
#[ignore = "a process that other tests start"]
fn this_process_is_a_node() {
    let url = env::var(DATABASE).unwrap().parse().unwrap();
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    println!("applied {}.", migrate(&url).unwrap().len());
}
