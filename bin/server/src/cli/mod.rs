//! The command line: what each command does and what it says.
//!
//! Results go to standard output, errors and logs to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage or
//! configuration.

mod config_check;
mod migrate;
mod serve;
mod setup;

use std::{
    fmt::Display,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use paylent_storage::DatabaseUrl;

use crate::{
    config::{Config, ConfigError, Sources, help},
    master_key::make_folder,
};

/// An identity server: OAuth 2 and a Management API, per environment.
#[derive(Parser)]
#[command(name = "paylent", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    #[command(after_long_help = help())]
    Serve(serve::Arguments),
    /// Bring the database's schema up to date (serve does so itself)
    Migrate(migrate::Arguments),
    /// Make an account with its environments, its admin, and a machine client in each environment
    Setup(setup::Arguments),
    /// Look into the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check the configuration and show what is in force, secrets redacted
    #[command(after_long_help = help())]
    Check,
}

/// Flags of every command. Each stands for a key of the configuration and wins over file and environment.
#[derive(Args)]
#[command(next_help_heading = "Configuration")]
struct Flags {
    /// Read a TOML configuration file [env: PAYLENT_CONFIG]
    #[arg(long, value_name = "PATH", global = true)]
    config: Option<PathBuf>,
    /// Listen on this address and port [env: PAYLENT_LISTEN]
    #[arg(long, value_name = "ADDRESS", global = true)]
    listen: Option<String>,
    /// How browsers and clients reach this server [env: PAYLENT_BASE_URL]
    #[arg(long, value_name = "URL", global = true)]
    base_url: Option<String>,
    /// sqlite:PATH or postgres://… [env: PAYLENT_DATABASE_URL]
    #[arg(long, value_name = "URL", global = true)]
    database_url: Option<String>,
    /// The environment that the bare host serves [env: PAYLENT_DEFAULT_ENVIRONMENT]
    #[arg(long, value_name = "HANDLE", global = true)]
    default_environment: Option<String>,
    /// A file that holds the master key [env: PAYLENT_MASTER_KEY_FILE]
    #[arg(long, value_name = "PATH", global = true)]
    master_key_file: Option<String>,
    /// Serve /metrics on this address and port, or off [env: PAYLENT_METRICS_LISTEN]
    #[arg(long, value_name = "ADDRESS", global = true)]
    metrics_listen: Option<String>,
    /// auto, text or json [env: PAYLENT_LOG__FORMAT]
    #[arg(long, value_name = "FORMAT", global = true)]
    log_format: Option<String>,
    /// What to log, such as info or warn,paylent_server=debug [env: PAYLENT_LOG__FILTER]
    #[arg(long, value_name = "FILTER", global = true)]
    log_filter: Option<String>,
}

impl Flags {
    /// What the process was given, by flags and by its environment.
    fn sources(&self) -> Sources {
        let all = [
            ("listen", &self.listen),
            ("base_url", &self.base_url),
            ("database_url", &self.database_url),
            ("default_environment", &self.default_environment),
            ("master_key_file", &self.master_key_file),
            ("metrics_listen", &self.metrics_listen),
            ("log.format", &self.log_format),
            ("log.filter", &self.log_filter),
        ];
        let given = all.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        Sources::of_process(self.config.clone(), given.collect())
    }
}

/// Why a command ends without having done its work: what is said about it, and the exit code.
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn failed(error: impl Display) -> Self {
        Self { message: error.to_string(), code: 1 }
    }

    fn usage(error: impl Display) -> Self {
        Self { message: error.to_string(), code: 2 }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let sources = cli.flags.sources();
    let done = Config::load(&sources).map_err(Failure::from).and_then(|config| match &cli.command {
        Command::Serve(arguments) => serve::run(config, &sources, arguments),
        Command::Migrate(arguments) => migrate::run(&config, arguments),
        Command::Setup(arguments) => setup::run(config, arguments),
        Command::Config(ConfigCommand::Check) => config_check::run(&config),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be listening, and there is no one else to tell.
            let _ = writeln!(io::stderr(), "paylent: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Writes lines to standard output.
fn say(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let said = writeln!(out, "{text}").and_then(|()| out.flush());
    said.map_err(|error| Failure::failed(format!("standard output cannot be written: {error}")))
}

/// Makes the folder of a SQLite database and brings the schema up to date; the migrations that were applied.
/// Called before any runtime runs, since it starts one of its own.
fn prepare_database(config: &Config) -> Result<Vec<String>, Failure> {
    if let DatabaseUrl::Sqlite(path) = &config.database {
        let made = path.parent().map_or(Ok(()), make_folder);
        made.map_err(|error| Failure::failed(format!("the folder of {} cannot be made: {error}", path.display())))?;
    }
    paylent_storage::migrate(&config.database).map_err(Failure::failed)
}

/// What to say when storage fails: its own words, and the cause, which is the operator's to see.
fn storage_failure(error: &paylent_storage::Error) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::failed(format!("{error}{cause}"))
}
