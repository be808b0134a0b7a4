//! PostgreSQL databases: copied from a template that is migrated once for all tests that share a server and a schema.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    thread,
};

use paylent_crypto::secret;
use paylent_storage::{DatabaseUrl, migrate};
use tokio::{runtime, sync::OnceCell};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use url::Url;

/// A database by its name.
pub(super) struct Database {
    server: Url,
    name: String,
    /// Asks the questions of the test, one after the other.
    asking: OnceCell<Client>,
}

const VARIABLE: &str = "PAYLENT_TEST_POSTGRES";
const MISSING: &str = "PAYLENT_TEST_POSTGRES is not set: run the tests with `make test`, or one crate's with \
                       `tests/with-postgres cargo test -p CRATE`, which start a PostgreSQL for them";

/// The key of the advisory lock under which the template is made: `template` in ASCII.
const LOCK: &str = "SELECT pg_advisory_lock(8387794213203964005)";

impl Database {
    pub(super) async fn empty() -> Self {
        let database = Self::named_at_random();
        run(&admin(&database.server).await, &format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    pub(super) async fn migrated() -> Self {
        let database = Self::named_at_random();
        let template = template(&database.server).await;
        let copy = format!("CREATE DATABASE {} TEMPLATE {template}", database.name);
        run(&admin(&database.server).await, &copy).await;
        database
    }

    fn named_at_random() -> Self {
        let url = env::var(VARIABLE).unwrap_or_else(|_| panic!("{MISSING}"));
        let server = Url::parse(&url).expect("PAYLENT_TEST_POSTGRES is a postgres:// URL");
        let random: [u8; 8] = secret::random_bytes().expect("the system has randomness");
        let name = format!("paylent_test_{:016x}", u64::from_be_bytes(random));
        Self { server, name, asking: OnceCell::new() }
    }

    pub(super) fn url(&self) -> String {
        url_of(&self.server, &self.name)
    }

    /// On a connection of its own, so that what takes long keeps no question waiting.
    pub(super) async fn execute(&self, sql: &str) {
        run(&connect(&self.url()).await, sql).await;
    }

    pub(super) async fn values(&self, query: &str) -> Vec<String> {
        let messages = self.asking.get_or_init(|| async { connect(&self.url()).await }).await.simple_query(query).await;
        let messages = messages.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| row.get(0).unwrap_or_else(|| panic!("{query}: a NULL")).to_owned()).collect()
    }
}

impl Drop for Database {
    /// Drops the database if it can: a test that failed has more important things to say.
    fn drop(&mut self) {
        let (url, drop) = (self.server.to_string(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let dropping = thread::spawn(move || {
            let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else { return };
                tokio::spawn(connection);
                let _ = client.batch_execute(&drop).await;
            });
        });
        let _ = dropping.join();
    }
}

/// The name of a database with the newest schema. The first to ask makes it; whoever asks meanwhile waits.
async fn template(server: &Url) -> String {
    let name = format!("paylent_template_{:016x}", migrations_hash());
    let admin = admin(server).await;
    // Marked only when it is whole: one that was left half-made is made anew.
    let whole = format!("SELECT 1 FROM pg_database WHERE datname = '{name}' AND datistemplate");
    if admin.query_opt(&whole, &[]).await.expect("databases can be listed").is_some() {
        return name;
    }
    run(&admin, LOCK).await;
    if admin.query_opt(&whole, &[]).await.expect("databases can be listed").is_some() {
        return name;
    }
    run(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    run(&admin, &format!("CREATE DATABASE {name}")).await;
    let url = DatabaseUrl::Postgres(url_of(server, &name));
    // A runtime of its own is in there, which cannot start inside of this one.
    let migrating = tokio::task::spawn_blocking(move || migrate(&url));
    migrating.await.expect("the migration does not panic").expect("an empty database can be migrated");
    run(&admin, &format!("ALTER DATABASE {name} IS_TEMPLATE true")).await;
    name
}

/// Changes whenever a migration does.
fn migrations_hash() -> u64 {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/postgres");
    let mut migrations: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the migrations are beside the tests")
        .map(|entry| entry.expect("a migration can be listed").path())
        .collect();
    migrations.sort();
    let mut hasher = DefaultHasher::new();
    for migration in migrations {
        migration.file_name().hash(&mut hasher);
        fs::read(migration.join("up.sql")).expect("a migration has an up.sql").hash(&mut hasher);
    }
    hasher.finish()
}

fn url_of(server: &Url, database: &str) -> String {
    let mut url = server.clone();
    url.set_path(database);
    url.into()
}

async fn admin(server: &Url) -> Client {
    connect(server.as_str()).await
}

async fn connect(url: &str) -> Client {
    let connecting = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) = connecting.expect("the server of PAYLENT_TEST_POSTGRES lets us in");
    tokio::spawn(connection);
    client
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}
