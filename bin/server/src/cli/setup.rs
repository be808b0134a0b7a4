//! `paylent setup`: an account, its environments, its admin, and a machine client in each environment.

mod account;
mod report;

use std::{io, sync::Arc};

use clap::Args;
use paylent_crypto::Zeroizing;
use paylent_domain::{
    Clock,
    account::AccountHandle,
    clock::SystemClock,
    password, text,
    user::{Email, MAX_NAME},
};
use paylent_oauth::Keyring;
use paylent_storage::{Db, Directory, Error, Options};

use super::{Failure, prepare_database, say, storage_failure};
use crate::{config::Config, master_key};

/// Makes an account with its two environments, `<account>-test` and `<account>-production`. Shows the secrets of their
/// machine clients once. Works while the server runs, and before it ever ran.
#[derive(Args)]
pub(super) struct Arguments {
    /// The account's name: lower-case letters, digits and hyphens
    #[arg(long, value_name = "NAME")]
    account: AccountHandle,
    /// The e-mail address of the account's admin
    #[arg(long, value_name = "EMAIL")]
    admin_email: Email,
    /// Read the admin's password from the first line of standard input
    #[arg(long, required = true)]
    admin_password_stdin: bool,
    /// The admin's given name
    #[arg(long, value_name = "NAME", value_parser = name)]
    admin_first_name: Option<String>,
    /// Print one JSON object, for scripts
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: Config, arguments: &Arguments) -> Result<(), Failure> {
    let password = read_password()?;
    let first_name = arguments.admin_first_name.as_deref().unwrap_or_default();
    let about = [arguments.admin_email.as_str(), first_name, arguments.account.as_str()];
    password::check(&password, config.password_minimum_length, &about)
        .map_err(|reason| Failure::usage(format!("the admin's password {reason}")))?;
    prepare_database(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(set_up(config, arguments, &password))
}

async fn set_up(config: Config, arguments: &Arguments, password: &str) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let storage = |error: Error| storage_failure(&error);
    let db = Db::open(&config.database, Options { connections: 1 }).map_err(storage)?;
    let exists = || Failure::failed(format!("the account {} already exists; nothing was changed", arguments.account));
    if db.has_account(arguments.account.as_str()).await.map_err(storage)? {
        return Err(exists());
    }
    let master = master_key::open(config.master_key, &db, clock.now()).await.map_err(Failure::failed)?;
    let directory = Directory::new(config.hosts, clock.clone());
    let planned = account::plan(arguments, password, &Keyring::new(master), clock.now()).map_err(Failure::failed)?;
    let report = report::Report::new(&planned, arguments, &directory);
    let made = db.create_account(planned.account, &paylent_domain::audit::Context::system(clock.now())).await;
    made.map_err(|error| if matches!(error, Error::Conflict) { exists() } else { storage(error) })?;
    let text = if arguments.json { report.json().map_err(Failure::failed)? } else { report.text() };
    say(text.trim_end()).map_err(|failure| {
        Failure::failed(format!("the account was made, but its secrets could not be shown: {}", failure.message))
    })
}

/// The first line of standard input.
fn read_password() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::failed(format!("the password cannot be read from standard input: {error}")))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn name(given: &str) -> Result<String, paylent_domain::Invalid> {
    text::one_line(given, MAX_NAME).map(|()| given.to_owned())
}
