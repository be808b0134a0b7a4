use std::{collections::HashMap, fs};

use paylent_mail::{Tls, Transport};

use super::*;

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

/// A file in a folder that lives as long as the first value.
fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paylent.toml");
    fs::write(&path, text).unwrap();
    (folder, Sources { file: Some(path), ..Sources::default() })
}

fn load(sources: &Sources) -> Config {
    Config::load(sources).unwrap_or_else(|error| panic!("{error}"))
}

fn error(sources: &Sources) -> String {
    Config::load(sources).unwrap_err().to_string()
}

#[test]
fn with_nothing_set_it_is_a_server_on_localhost_with_sqlite() {
    let config = load(&Sources::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.hosts.base_url(), "http://localhost:8080");
    assert_eq!(config.database, DatabaseUrl::Sqlite("data/paylent.db".into()));
    assert!(matches!(&config.master_key, master_key::Source::Kept(path) if path == Path::new("data/master.key")));
    assert_eq!((config.limits.enabled, config.limits.api.get(), config.limits.auth.get()), (true, 100, 10));
    assert_eq!(config.metrics_listen.unwrap().to_string(), "127.0.0.1:9090");
    assert_eq!(config.log, Log { format: LogFormat::Auto, filter: "info".to_owned(), file: None });
    assert_eq!((config.password_minimum_length, config.database_connections), (8, 8));
    assert!(!config.outbound.allow_private);
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    let (_folder, mut sources) = file("listen = '127.0.0.1:1'\n[rate_limit]\napi = 7\nauth = 8\nenabled = false");
    sources.environment =
        environment(&[("PAYLENT_RATE_LIMIT__API", "70"), ("PAYLENT_LISTEN", "127.0.0.1:2")]).environment;
    sources.flags = HashMap::from([("listen", "127.0.0.1:3".to_owned())]);
    let config = load(&sources);
    assert_eq!(config.listen.port(), 3, "flag");
    assert_eq!(config.limits.api.get(), 70, "environment");
    assert_eq!((config.limits.auth.get(), config.limits.enabled), (8, false), "file");
    assert_eq!(config.password_minimum_length, 8, "default");
}

#[test]
fn the_base_url_follows_the_port_unless_it_is_given() {
    let config = load(&environment(&[("PAYLENT_LISTEN", "0.0.0.0:9000")]));
    assert_eq!(config.hosts.base_url(), "http://localhost:9000");
    let given = [("PAYLENT_LISTEN", "0.0.0.0:9000"), ("PAYLENT_BASE_URL", "https://id.example.com")];
    assert_eq!(load(&environment(&given)).hosts.base_url(), "https://id.example.com");
}

#[test]
fn every_key_is_read_from_its_variable_and_from_a_file() {
    let values = [
        ("listen", "127.0.0.1:8081"),
        ("base_url", "http://localhost:8081"),
        ("database_url", "sqlite:other.db"),
        ("database_connections", "3"),
        ("default_environment", "acme-test"),
        ("trusted_proxies", "10.0.0.0/8, 127.0.0.1"),
        ("workers", "2"),
        ("master_key_file", "key"),
        ("password_minimum_length", "12"),
        ("metrics_listen", "off"),
        ("rate_limit.enabled", "false"),
        ("rate_limit.api", "5"),
        ("rate_limit.auth", "6"),
        ("outbound.allow_private", "true"),
        ("mail.transport", "smtp"),
        ("mail.from", "Acme <hello@example.com>"),
        ("mail.directory", "mails"),
        ("mail.host", "mail.example.com"),
        ("mail.port", "2525"),
        ("mail.tls", "implicit"),
        ("mail.username", "paylent"),
        ("log.format", "json"),
        ("log.filter", "warn"),
        ("log.file", "log"),
    ];
    let untested = ["database_url_file", "master_key", "mail.ca_file", "mail.password", "mail.password_file"];
    assert_eq!(values.len() + untested.len(), keys::KEYS.len(), "a key is missing here");
    let variables = values.into_iter().chain([("mail.password", "hunter2")]);
    let variables: Vec<_> = variables.map(|(key, value)| (keys::variable(key), value)).collect();
    let by_environment =
        environment(&variables.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>());
    let text: String = values.iter().map(|(key, value)| format!("{key} = {value:?}\n")).collect();
    let text = text + "mail.password = 'hunter2'";
    let (_folder, by_file) = file(&text);
    for config in [load(&by_environment), load(&by_file)] {
        for (key, value) in values {
            assert!(config.effective().contains(&format!("{key} = {value:?}")), "{key}: {}", config.effective());
        }
        assert_eq!((config.workers, config.database_connections, config.metrics_listen), (2, 3, None));
        let proxies = TrustedProxies::parse(["10.0.0.0/8", "127.0.0.1"]).unwrap();
        assert_eq!(config.trusted_proxies, proxies);
        assert!(config.outbound.allow_private);
    }
}

#[test]
fn a_file_may_use_numbers_booleans_and_lists() {
    let (_folder, sources) = file(
        "workers = 3\ntrusted_proxies = ['::1', '10.0.0.0/8']\n[rate_limit]\nenabled = false\n[log]\nformat = 'json'",
    );
    let config = load(&sources);
    assert_eq!(config.workers, 3);
    assert_eq!(config.trusted_proxies, TrustedProxies::parse(["::1", "10.0.0.0/8"]).unwrap());
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(!config.limits.enabled);
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
    for (unknown, nearest) in [
        ("PAYLENT_LISTENN", "PAYLENT_LISTEN"),
        ("PAYLENT_RATE_LIMIT_ENABLED", "PAYLENT_RATE_LIMIT__ENABLED"),
        ("PAYLENT_DATABASE__CONNECTIONS", "PAYLENT_DATABASE_CONNECTIONS"),
        ("PAYLENT_LOG_FORMAT", "PAYLENT_LOG__FORMAT"),
    ] {
        let error = error(&environment(&[(unknown, "secret-value")]));
        assert!(error.contains(&format!("{unknown} is unknown; the nearest known is {nearest}")), "{error}");
        assert!(!error.contains("secret-value"));
    }
    assert!(error(&environment(&[("PAYLENT_EMPTY", "")])).contains("PAYLENT_EMPTY is unknown"));
}

#[test]
fn an_unknown_key_of_a_file_is_refused_with_the_file_and_the_nearest_known_one() {
    let (_folder, sources) = file("lisen = '127.0.0.1:1'\n[rate_limit]\nenable = true");
    let error = error(&sources);
    let path = sources.file.unwrap();
    let said = |unknown, nearest| {
        let path = path.display();
        error.contains(&format!("{unknown} in {path} is unknown; the nearest known is {nearest} in {path}"))
    };
    assert!(said("lisen", "listen") && said("rate_limit.enable", "rate_limit.enabled"), "{error}");
}

#[test]
fn variables_of_others_of_the_tests_and_the_file_s_are_no_keys() {
    load(&environment(&[("PATH", "/bin"), ("PAYLENT_TEST_X", "1"), ("PAYLENT_CONFIG", "x"), ("PAYLENTX", "1")]));
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let config = load(&environment(&[("PAYLENT_DEFAULT_ENVIRONMENT", ""), ("PAYLENT_LISTEN", "")]));
    assert_eq!(config.listen.port(), 8080);
}

#[test]
fn everything_wrong_is_said_at_once_with_its_name_and_what_is_expected() {
    let bad = [
        ("PAYLENT_LISTEN", "8080", "must be an address and port"),
        ("PAYLENT_BASE_URL", "id.example.com", "must be a URL"),
        ("PAYLENT_DATABASE_URL", "mysql://x", "must be sqlite:PATH or postgres://"),
        ("PAYLENT_DATABASE_CONNECTIONS", "0", "must be a whole number from 1"),
        ("PAYLENT_DEFAULT_ENVIRONMENT", "Acme", "must be lower-case"),
        ("PAYLENT_TRUSTED_PROXIES", "proxy", "must be IP addresses or networks"),
        ("PAYLENT_WORKERS", "many", "must be a whole number from 1"),
        ("PAYLENT_MASTER_KEY", "c2hvcnQ=", "must be 32 random bytes"),
        ("PAYLENT_PASSWORD_MINIMUM_LENGTH", "500", "must be a whole number from 1 to 128"),
        ("PAYLENT_METRICS_LISTEN", "no", "or off"),
        ("PAYLENT_RATE_LIMIT__ENABLED", "maybe", "must be true or false"),
        ("PAYLENT_RATE_LIMIT__API", "0", "at least 1"),
        ("PAYLENT_OUTBOUND__ALLOW_PRIVATE", "yes", "must be true or false"),
        ("PAYLENT_LOG__FORMAT", "xml", "must be auto, text or json"),
        ("PAYLENT_LOG__FILTER", "x=[", "must be a level or rules"),
        ("PAYLENT_NONSENSE", "1", "is unknown"),
    ];
    let error = error(&environment(&bad.map(|(name, value, _)| (name, value))));
    for (name, _, expected) in bad {
        let line = error.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| line.contains(expected)), "{name} {expected}: {error}");
    }
    assert!(!error.contains("c2hvcnQ="), "a bad secret is not repeated");
    assert!(!error.contains("mysql://x"), "a database URL may hold a password");
}

#[test]
fn a_broken_file_is_refused_without_repeating_its_line() {
    let (_folder, sources) = file("master_key = \"hunter2\nlisten = 1");
    let error = error(&sources);
    assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    let missing = Sources { file: Some("/nonexistent/paylent.toml".into()), ..Sources::default() };
    assert!(self::error(&missing).contains("/nonexistent/paylent.toml cannot be read"));
}

#[test]
fn a_secret_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    fs::write(&path, "postgres://paylent:hunter2@db.example/paylent\n").unwrap();
    let path = path.to_str().unwrap();
    let config = load(&environment(&[("PAYLENT_DATABASE_URL_FILE", path)]));
    assert_eq!(config.database, DatabaseUrl::Postgres("postgres://paylent:hunter2@db.example/paylent".to_owned()));
    let missing = error(&environment(&[("PAYLENT_DATABASE_URL_FILE", "/nonexistent")]));
    assert!(missing.contains("PAYLENT_DATABASE_URL_FILE cannot be read"), "{missing}");
    let both = environment(&[("PAYLENT_DATABASE_URL_FILE", path), ("PAYLENT_DATABASE_URL", "sqlite:x")]);
    assert!(error(&both).contains("PAYLENT_DATABASE_URL and PAYLENT_DATABASE_URL_FILE are both set"));
}

#[test]
fn the_stronger_layer_decides_whether_a_secret_is_given_or_in_a_file() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let (_folder, mut sources) = file(&format!("master_key = '{key}'"));
    assert!(matches!(load(&sources).master_key, master_key::Source::Given(_)));
    sources.environment = environment(&[("PAYLENT_MASTER_KEY_FILE", "/run/key")]).environment;
    assert!(matches!(load(&sources).master_key, master_key::Source::File(path) if path == Path::new("/run/key")));
}

#[test]
fn lg_debug_neither_the_debug_form_nor_the_listing_shows_a_secret() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let url = "postgres://paylent:hunter2@db.example:5433/paylent?password=hunter3";
    let config = load(&environment(&[("PAYLENT_MASTER_KEY", key), ("PAYLENT_DATABASE_URL", url)]));
    let shown = format!("{config:?}{config:#?}{}{}", config.effective(), config.shown_database());
    for secret in ["hunter2", "hunter3", key] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(config.shown_database(), "postgres://paylent:***@db.example:5433/paylent");
    assert!(config.effective().contains("master_key = \"[redacted]\"  # environment"));
}

#[test]
fn the_master_key_is_kept_beside_a_sqlite_database() {
    for (url, expected) in [
        ("sqlite:/srv/paylent/id.db", "/srv/paylent/master.key"),
        ("sqlite:id.db", "master.key"),
        ("postgres://h/d", "data/master.key"),
    ] {
        let config = load(&environment(&[("PAYLENT_DATABASE_URL", url)]));
        assert!(matches!(&config.master_key, master_key::Source::Kept(path) if path == Path::new(expected)), "{url}");
    }
}

fn smtp(variables: &[(&str, &str)]) -> Sources {
    let mut all = vec![("PAYLENT_MAIL__TRANSPORT", "smtp"), ("PAYLENT_MAIL__HOST", "mail.example.com")];
    all.extend(variables);
    environment(&all)
}

#[test]
fn mails_wait_unless_a_transport_is_set() {
    let config = load(&Sources::default());
    assert!(config.mail.transport.is_none());
    assert_eq!(config.mail.from, "no-reply@localhost".parse().unwrap());
    let config = load(&environment(&[("PAYLENT_BASE_URL", "https://id.example.com:8443")]));
    assert_eq!(config.mail.from, "no-reply@id.example.com".parse().unwrap());
    let file = [("PAYLENT_MAIL__TRANSPORT", "file"), ("PAYLENT_MAIL__DIRECTORY", "/var/mails")];
    assert!(matches!(load(&environment(&file)).mail.transport, Some(Transport::File(_))));
}

#[test]
fn a_mail_server_is_spoken_to_encrypted_unless_it_is_this_machine() {
    let server = |variables: &[(&str, &str)]| match load(&smtp(variables)).mail.transport {
        Some(Transport::Smtp(server)) => server,
        other => panic!("{other:?}"),
    };
    let default = server(&[]);
    assert_eq!((default.host.as_str(), default.port, default.tls), ("mail.example.com", 587, Tls::StartTls));
    assert_eq!(server(&[("PAYLENT_MAIL__TLS", "implicit")]).port, 465);
    for host in ["localhost", "127.0.0.1", "::1"] {
        let plain = server(&[("PAYLENT_MAIL__TLS", "none"), ("PAYLENT_MAIL__HOST", host)]);
        assert_eq!((plain.port, plain.tls), (25, Tls::None));
    }
    for host in ["mail.example.com", "10.0.0.1", "localhost.example.com"] {
        let plain = smtp(&[("PAYLENT_MAIL__TLS", "none"), ("PAYLENT_MAIL__HOST", host)]);
        assert!(error(&plain).contains("PAYLENT_MAIL__TLS must be starttls or implicit"), "{host}");
    }
}

#[test]
fn what_mail_lacks_is_told() {
    for (variables, expected) in [
        (&[("PAYLENT_MAIL__TRANSPORT", "smtp")][..], "mail.host"),
        (&[("PAYLENT_MAIL__TRANSPORT", "file")], "mail.directory"),
        (&[("PAYLENT_MAIL__TRANSPORT", "pigeon")], "must be smtp or file"),
        (&[("PAYLENT_MAIL__HOST", "mail.example.com")], "mail.transport"),
        (&[("PAYLENT_MAIL__USERNAME", "paylent")], "mail.password"),
        (&[("PAYLENT_MAIL__PASSWORD", "hunter2")], "mail.username"),
        (&[("PAYLENT_MAIL__FROM", "nobody")], "PAYLENT_MAIL__FROM must be an address"),
        (&[("PAYLENT_MAIL__PORT", "0")], "PAYLENT_MAIL__PORT must be a port"),
    ] {
        let error = error(&environment(variables));
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn lg_debug_the_password_of_the_mail_server_may_be_in_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, "hunter2\n").unwrap();
    let path = path.to_str().unwrap();
    for secret in [("PAYLENT_MAIL__PASSWORD", "hunter2"), ("PAYLENT_MAIL__PASSWORD_FILE", path)] {
        let config = load(&smtp(&[("PAYLENT_MAIL__USERNAME", "paylent"), secret]));
        assert!(!format!("{config:?}{}", config.effective()).contains("hunter2"));
        let Some(Transport::Smtp(server)) = config.mail.transport else { panic!("no server") };
        assert_eq!(server.credentials.unwrap().password, "hunter2");
    }
}
