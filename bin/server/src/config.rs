//! What an operator may set, read once at start: defaults < TOML file < environment < flags.

mod error;
mod keys;
mod mail;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    env,
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
};

use paylent_crypto::seal::MasterKey;
use paylent_domain::{hosts::Hosts, network::TrustedProxies};
use paylent_outbound as outbound;
use paylent_storage::DatabaseUrl;
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::{limits::Limits, master_key};
use settings::Settings;

pub use error::ConfigError;
pub(crate) use keys::help;
pub use mail::Mail;

/// What all our environment variables begin with.
const PREFIX: &str = "PAYLENT_";
/// The variable that names the configuration file.
const FILE_VARIABLE: &str = "PAYLENT_CONFIG";
const ADDRESS: &str = "must be an address and port such as 127.0.0.1:8080";

/// The configuration, valid and complete. Its `Debug` form shows no secret.
#[derive(Debug)]
pub struct Config {
    /// Where to listen; port 0 means any free one.
    pub listen: SocketAddr,
    /// The addresses that follow from the base URL and the default environment.
    pub hosts: Hosts,
    /// Where the data is.
    pub database: DatabaseUrl,
    /// Connections: of each worker on PostgreSQL, those that read on SQLite.
    pub database_connections: usize,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// How many threads answer requests.
    pub workers: usize,
    /// Where the master key is.
    pub master_key: master_key::Source,
    /// The fewest characters a password may have.
    pub password_minimum_length: usize,
    /// Where `/metrics` is served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// How many requests a caller may make.
    pub limits: Limits,
    /// What the server's own requests may do.
    pub outbound: outbound::Options,
    /// How mails leave.
    pub mail: Mail,
    /// What is logged, how and where to.
    pub log: Log,
    /// All of the above as text, for people.
    settings: Settings,
}

/// What is logged, how and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// Which events, in the syntax of `tracing_subscriber::EnvFilter`. Valid.
    pub filter: String,
    /// The file to append to; standard error otherwise.
    pub file: Option<PathBuf>,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be auto, text or json"),
        }
    }
}

/// Where the configuration comes from. Holds secrets, so it has no `Debug` form.
#[derive(Default)]
pub struct Sources {
    /// The TOML file.
    pub file: Option<PathBuf>,
    /// The environment variables; those that are not ours are passed over.
    pub environment: HashMap<String, String>,
    /// The flags that were given, by the key each sets.
    pub flags: HashMap<&'static str, String>,
}

impl Sources {
    /// The process's environment and these flags; the file is the one given, else the one that `PAYLENT_CONFIG` names.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: HashMap<&'static str, String>) -> Self {
        let file = file.or_else(|| env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from));
        let ours = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        Self { file, environment: ours.collect(), flags }
    }
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every unknown key and every bad value, together.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut settings = Settings::gather(sources);
        match Self::read(&mut settings) {
            Some(config) if settings.problems.is_empty() => Ok(Self { settings, ..config }),
            _ => Err(ConfigError(settings.problems)),
        }
    }

    /// Reads every key before it gives up on any, so that everything wrong is noted in the settings.
    fn read(settings: &mut Settings) -> Option<Self> {
        let listen = settings.read("listen", |text| text.parse().map_err(|_| ADDRESS));
        let hosts = hosts(settings, listen);
        let database = settings.read("database_url", DatabaseUrl::from_str);
        let database_connections = settings.read("database_connections", |text| between(text, 1, 1_000));
        let trusted_proxies = settings.read_if_set("trusted_proxies", |text| TrustedProxies::parse(list(text)));
        settings.assume("workers", thread::available_parallelism().map_or(1, NonZeroUsize::get).to_string());
        let workers = settings.read("workers", |text| between(text, 1, 1_024));
        let master_key = master_key_source(settings, database.as_ref());
        let password_minimum_length = settings.read("password_minimum_length", |text| between(text, 1, 128));
        let metrics_listen = settings.read("metrics_listen", |text| match text {
            "off" => Ok(None),
            address => {
                address.parse().map(Some).map_err(|_| "must be an address and port such as 127.0.0.1:9090, or off")
            }
        });
        let limits = limits(settings);
        let allow_private = settings.read("outbound.allow_private", truth);
        let mail = Mail::read(settings, hosts.as_ref());
        let log = Log::read(settings);
        Some(Self {
            listen: listen?,
            hosts: hosts?,
            database: database?,
            database_connections: database_connections?,
            trusted_proxies: trusted_proxies?.unwrap_or_default(),
            workers: workers?,
            master_key: master_key?,
            password_minimum_length: password_minimum_length?,
            metrics_listen: metrics_listen?,
            limits: limits?,
            outbound: outbound::Options { allow_private: allow_private?, ..outbound::Options::default() },
            mail: mail?,
            log: log?,
            settings: Settings::default(),
        })
    }

    /// What is in force, one `key = value  # origin` a line, secrets redacted.
    #[must_use]
    pub fn effective(&self) -> String {
        self.settings.to_string()
    }

    /// The database's address without its password.
    #[must_use]
    pub fn shown_database(&self) -> String {
        match &self.database {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => redacted_url(url),
        }
    }
}

impl Log {
    fn read(settings: &mut Settings) -> Option<Self> {
        let format = settings.read("log.format", LogFormat::from_str);
        let filter = settings.read("log.filter", |text| {
            let rule = "must be a level or rules such as info or warn,paylent_server=debug";
            text.parse::<EnvFilter>().map(|_| text.to_owned()).map_err(|_| rule)
        });
        let file = settings.read_if_set("log.file", path);
        Some(Self { format: format?, filter: filter?, file: file? })
    }
}

fn limits(settings: &mut Settings) -> Option<Limits> {
    let enabled = settings.read("rate_limit.enabled", truth);
    let quota = |text: &str| text.parse().map_err(|_| "must be a whole number of requests a minute, at least 1");
    let (api, auth) = (settings.read("rate_limit.api", quota), settings.read("rate_limit.auth", quota));
    Some(Limits { enabled: enabled?, api: api?, auth: auth? })
}

/// The base URL follows the port we listen on, unless it is given.
fn hosts(settings: &mut Settings, listen: Option<SocketAddr>) -> Option<Hosts> {
    if let Some(listen) = listen {
        settings.assume("base_url", format!("http://localhost:{}", listen.port()));
    }
    let default_environment = settings.read_if_set("default_environment", str::parse);
    let hosts = settings.read("base_url", |text| Hosts::new(text, default_environment.clone().flatten()));
    default_environment.and(hosts)
}

fn master_key_source(settings: &mut Settings, database: Option<&DatabaseUrl>) -> Option<master_key::Source> {
    let rule = "must be 32 random bytes in base64, such as `openssl rand -base64 32` makes";
    let given = settings.read_if_set("master_key", |text| MasterKey::from_base64(text).map_err(|_| rule));
    let file = settings.read_if_set("master_key_file", path);
    let folder = match database {
        Some(DatabaseUrl::Sqlite(path)) => path.parent().unwrap_or(Path::new("")),
        _ => Path::new("data"),
    };
    Some(match (given?, file?) {
        (Some(key), _) => master_key::Source::Given(key),
        (None, Some(path)) => master_key::Source::File(path),
        (None, None) => master_key::Source::Kept(folder.join("master.key")),
    })
}

fn truth(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

fn between(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|entry| !entry.trim().is_empty())
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("must be a path") } else { Ok(PathBuf::from(text)) }
}

/// A PostgreSQL URL without its password and its parameters, which may hold one; other URLs as they are.
fn redacted_url(text: &str) -> String {
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let Ok(url) = Url::parse(text) else { return "postgres://[redacted]".to_owned() };
    let user = match (url.username(), url.password()) {
        ("", _) => String::new(),
        (user, None) => format!("{user}@"),
        (user, Some(_)) => format!("{user}:***@"),
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{user}{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
