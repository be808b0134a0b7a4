//! `paylent migrate`.

use clap::Args;
use paylent_storage::{DatabaseUrl, migrations};

use super::{Failure, prepare_database, say};
use crate::config::Config;

#[derive(Args)]
pub(super) struct Arguments {
    /// List the migrations and whether each is applied; change nothing
    #[arg(long)]
    status: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.status { status(config) } else { apply(config) }
}

fn apply(config: &Config) -> Result<(), Failure> {
    let applied = prepare_database(config)?;
    if applied.is_empty() {
        return say("The database is up to date.");
    }
    applied.iter().try_for_each(|name| say(format_args!("Applied {name}.")))
}

fn status(config: &Config) -> Result<(), Failure> {
    // SQLite makes the file that it opens; asking must not.
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.exists()
    {
        return Err(Failure::failed(format!(
            "there is no database at {} yet; `paylent migrate` makes it",
            path.display()
        )));
    }
    for migration in migrations(&config.database).map_err(Failure::failed)? {
        say(format_args!("{:<8} {}", if migration.applied { "applied" } else { "missing" }, migration.name))?;
    }
    Ok(())
}
