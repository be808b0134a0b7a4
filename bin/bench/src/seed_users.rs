//! Fills an environment with users and memberships, straight in the database.

use crate::{database::Database, error::Error, line::Line, progress::Progress, rows, rows::Rows};
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary},
};

/// Users of one transaction.
const CHUNK: u64 = 1_000;
/// The size of the database in bytes.
const SIZE: (&str, &str) = (
    "SELECT page_count * page_size AS value FROM pragma_page_count, pragma_page_size",
    "SELECT pg_database_size(current_database()) AS value",
);

/// What to make, and where.
pub(crate) struct Plan {
    /// `sqlite:PATH` or `postgres://…`.
    pub(crate) database: String,
    /// The environment's handle.
    pub(crate) environment: String,
    pub(crate) users: u64,
    pub(crate) memberships: u64,
    pub(crate) organizations: u64,
}

#[derive(QueryableByName)]
struct Environment {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    role: Vec<u8>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

/// Runs the plan. Rows that an earlier run has made are left as they are: a run that was broken off goes on, a
/// complete one has nothing left to do.
pub(crate) fn run(plan: &Plan) -> Result<Line, Error> {
    if plan.memberships > plan.users {
        return Err(Error::Input("each membership takes a user of its own".into()));
    }
    let mut database = Database::open(&plan.database)?;
    let rows = rows(&mut database, plan)?;
    let mut progress = Progress::new("users", plan.users);
    let mut done = seeded(&mut database, &rows)?;
    if done >= plan.users {
        eprintln!("{} has {done} seeded users already", plan.environment);
    } else {
        database.run(&rows.organizations())?;
        while done < plan.users {
            progress.at(done);
            let end = plan.users.min(done + CHUNK);
            database.run(&format!("BEGIN; {} COMMIT;", rows.users(done..end)))?;
            done = end;
        }
        database.run(database.dialect(
            "ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);",
            // Else autovacuum would do it during the measurements.
            "VACUUM ANALYZE;",
        ))?;
        progress.at(done);
    }
    let seconds = progress.elapsed().as_secs_f64();
    let memberships = count(&mut database, &rows, "memberships", "TRUE")?;
    let bytes = number(&mut database, SIZE)?;
    Ok(Line::Seeded { users: done, memberships, seconds, bytes })
}

fn rows(database: &mut Database, plan: &Plan) -> Result<Rows, Error> {
    let handle = plan.environment.replace('\'', "''");
    let environment = database.row::<Environment>(&format!(
        "SELECT e.id, r.id AS role FROM environments e \
         JOIN roles r ON r.environment_id = e.id AND r.name = 'viewer' WHERE e.handle = '{handle}'"
    ));
    let environment = environment.map_err(|error| match error {
        Error::Database(diesel::NotFound) => Error::Input(format!("there is no environment {}", plan.environment)),
        error => error,
    })?;
    Ok(Rows {
        environment: environment.id,
        role: environment.role,
        users: plan.users,
        memberships: plan.memberships,
        organizations: plan.organizations,
        bytes: database.dialect(("X'", "'"), ("'\\x", "'")),
    })
}

/// How many users of the environment were seeded.
fn seeded(database: &mut Database, rows: &Rows) -> Result<u64, Error> {
    count(database, rows, "users", &format!("email_key LIKE '{}'", rows::email_keys()))
}

/// How many rows of a table belong to the environment and match.
fn count(database: &mut Database, rows: &Rows, table: &str, matching: &str) -> Result<u64, Error> {
    let environment = rows.bytes(&rows.environment);
    let query = format!("SELECT COUNT(*) AS value FROM {table} WHERE environment_id = {environment} AND {matching}");
    number(database, (&query, &query))
}

/// The number that a query tells, written for SQLite and for PostgreSQL.
fn number(database: &mut Database, (sqlite, postgres): (&str, &str)) -> Result<u64, Error> {
    let query = database.dialect(sqlite, postgres);
    let Number { value } = database.row(query)?;
    Ok(u64::try_from(value).unwrap_or(0))
}
