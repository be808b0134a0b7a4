//! The keys an operator may set: the one list that reading, suggestions, help and listing follow.

/// A key of the configuration.
pub(super) struct Key {
    /// Its name in a file, such as `rate_limit.api`.
    pub(super) name: &'static str,
    /// Its value unless another is given. None: unset, or worked out from other keys.
    pub(super) default: Option<&'static str>,
    /// What it is, in one line.
    pub(super) about: &'static str,
}

const fn key(name: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, default: Some(default), about }
}

const fn unset(name: &'static str, about: &'static str) -> Key {
    Key { name, default: None, about }
}

pub(super) const KEYS: [Key; 29] = [
    key("listen", "127.0.0.1:8080", "Address and port to listen on"),
    unset("base_url", "How browsers and clients reach this server [default: http://localhost:PORT]"),
    key("database_url", "sqlite:data/paylent.db", "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE"),
    unset("database_url_file", "A file that holds the database URL, instead of database_url"),
    key("database_connections", "8", "PostgreSQL: connections of each worker; SQLite: connections that read"),
    unset("default_environment", "The environment that the bare host of the base URL serves, such as acme-test"),
    unset("trusted_proxies", "Addresses or networks whose X-Forwarded-For is believed, separated by commas"),
    unset("workers", "Threads that answer requests [default: one for each processor]"),
    unset("master_key", "The key that seals stored secrets: 32 random bytes in base64"),
    unset(
        "master_key_file",
        "A file that holds the master key [default: master.key beside the data, made when missing]",
    ),
    key("password_minimum_length", "8", "The fewest characters a password may have"),
    key("metrics_listen", "127.0.0.1:9090", "Address and port of /metrics, or off"),
    key("rate_limit.enabled", "true", "Whether requests are limited"),
    key("rate_limit.api", "100", "Management API requests a minute, by client address and route"),
    key("rate_limit.auth", "10", "Token and sign-in requests a minute, by client address and route"),
    key("outbound.allow_private", "false", "Whether clients may be reached in private networks: for development"),
    unset("mail.transport", "How mails leave: smtp or file. Unset: they wait"),
    unset("mail.from", "Whom mails come from [default: no-reply@ and the host of the base URL]"),
    unset("mail.directory", "file: the directory for messages"),
    unset("mail.host", "smtp: the mail server"),
    unset("mail.port", "smtp: its port [default: 587, 465 for implicit, 25 for none]"),
    key("mail.tls", "starttls", "smtp: starttls, implicit, or none: to this machine only"),
    unset("mail.ca_file", "smtp: PEM certificates of authorities to be believed besides the system's"),
    unset("mail.username", "smtp: who we are there, if it asks"),
    unset("mail.password", "smtp: the password"),
    unset("mail.password_file", "smtp: a file that holds the password, instead of mail.password"),
    key("log.format", "auto", "text, json, or auto: text on a terminal, JSON otherwise"),
    key("log.filter", "info", "What to log, such as info or warn,paylent_server=debug"),
    unset("log.file", "A file to append the log to, instead of standard error"),
];

/// The pairs of a secret and the file it may be read from.
pub(super) const SECRET_FILES: [(&str, &str); 3] =
    [("database_url", "database_url_file"), ("master_key", "master_key_file"), ("mail.password", "mail.password_file")];

/// The key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key whose name is nearest to a misspelt one.
pub(super) fn nearest(name: &str) -> &'static str {
    let by_distance = |key: &&Key| strsim::damerau_levenshtein(key.name, name);
    KEYS.iter().min_by_key(by_distance).map_or("", |key| key.name)
}

/// The environment variable that sets a key: `rate_limit.api` is `PAYLENT_RATE_LIMIT__API`.
pub(super) fn variable(name: &str) -> String {
    format!("{}{}", super::PREFIX, name.to_uppercase().replace('.', "__"))
}

/// All keys as a table for help texts.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Configuration, from a TOML file (--config or PAYLENT_CONFIG), the environment, and flags; the later wins.\n\
         A file names a key as in `rate_limit.api`, the environment as in PAYLENT_RATE_LIMIT__API.\n\n",
    );
    for key in &KEYS {
        let default = key.default.map(|value| format!(" [default: {value}]")).unwrap_or_default();
        text.push_str(&format!("  {}\n          {}{default}\n", variable(key.name), key.about));
    }
    text
}
