//! The layers of the configuration, laid over each other: defaults, file, environment, flags.

use std::{collections::HashMap, fmt, fs, path::Path};

use config::{Environment, File, FileFormat, Source, Value, ValueKind};

use super::{
    PREFIX, Sources,
    error::Problem,
    keys::{KEYS, Key, SECRET_FILES, find, nearest, variable},
    redacted_url,
};

/// The value of each key that has one, and what was wrong on the way.
#[derive(Default)]
pub(super) struct Settings {
    values: HashMap<&'static str, Setting>,
    pub(super) problems: Vec<Problem>,
}

/// One value as text.
struct Setting {
    value: String,
    /// What the operator set, as they spell it: a key in a file, a variable or a flag.
    name: String,
    /// Where it was set, for the listing.
    origin: String,
}

/// One layer of settings: how its keys are spelt and where they stand.
struct Layer<'a> {
    spell: &'a dyn Fn(&str) -> String,
    origin: &'a str,
}

impl Settings {
    /// Reads all layers.
    pub(super) fn gather(sources: &Sources) -> Self {
        let mut settings = Self::default();
        for key in &KEYS {
            if let Some(value) = key.default {
                settings.assume(key.name, value.to_owned());
            }
        }
        if let Some(path) = &sources.file {
            settings.add_file(path);
        }
        settings.add_environment(&sources.environment);
        let flags = sources.flags.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        let spell = |key: &str| format!("--{}", key.replace(['_', '.'], "-"));
        settings.add(flags.collect(), &Layer { spell: &spell, origin: "flag" });
        settings
    }

    fn add_file(&mut self, path: &Path) {
        let values = match fs::read_to_string(path) {
            Ok(text) => File::from_str(&text, FileFormat::Toml).collect().map_err(|error| without_excerpt(&error)),
            Err(error) => Err(error.to_string()),
        };
        match values {
            Ok(values) => {
                let mut flat = HashMap::new();
                self.flatten("", values, &path.display().to_string(), &mut flat);
                let spell = |key: &str| format!("{key} in {}", path.display());
                self.add(flat, &Layer { spell: &spell, origin: &path.display().to_string() });
            }
            Err(reason) => self.problems.push(Problem::File { path: path.to_owned(), reason }),
        }
    }

    /// Turns tables into keys with dots, and every other value into text.
    fn flatten(
        &mut self,
        prefix: &str,
        table: impl IntoIterator<Item = (String, Value)>,
        origin: &str,
        flat: &mut HashMap<String, String>,
    ) {
        for (key, value) in table {
            let key = format!("{prefix}{key}");
            match value.kind {
                ValueKind::Table(table) => self.flatten(&format!("{key}."), table, origin, flat),
                kind => match text(Value::new(None, kind)) {
                    Some(value) => {
                        flat.insert(key, value);
                    }
                    None => self.problems.push(Problem::Bad {
                        name: format!("{key} in {origin}"),
                        reason: "must be text, a number, true, false, or a list of texts".to_owned(),
                        value: None,
                    }),
                },
            }
        }
    }

    fn add_environment(&mut self, variables: &HashMap<String, String>) {
        let ours = variables.iter().filter(|(name, _)| is_ours(name));
        let ours = ours.map(|(name, value)| (name.clone(), value.clone())).collect();
        let source = Environment::with_prefix(PREFIX.trim_end_matches('_')).prefix_separator("_").separator("__");
        match source.source(Some(ours)).collect() {
            Ok(values) => {
                let values = values.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect();
                self.add(values, &Layer { spell: &variable, origin: "environment" });
            }
            Err(error) => self.problems.push(Problem::Environment(error.to_string())),
        }
    }

    /// Lays a layer over what is there.
    fn add(&mut self, mut values: HashMap<String, String>, layer: &Layer<'_>) {
        for (secret, file) in SECRET_FILES {
            if values.contains_key(secret) && values.contains_key(file) {
                self.problems.push(Problem::Both((layer.spell)(secret), (layer.spell)(file)));
                values.remove(file);
            }
        }
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort();
        for (name, value) in values {
            match find(&name) {
                // Compose files and the like pass on variables that nobody set.
                _ if value.is_empty() && layer.origin == "environment" && find(&name).is_some() => {}
                Some(key) => self.set(key, value, layer),
                None => self
                    .problems
                    .push(Problem::Unknown { name: (layer.spell)(&name), nearest: (layer.spell)(nearest(&name)) }),
            }
        }
    }

    /// A secret and its file replace each other, so that the stronger layer's form counts.
    fn set(&mut self, key: &'static Key, value: String, layer: &Layer<'_>) {
        let name = (layer.spell)(key.name);
        let mut setting = Setting { value, name, origin: layer.origin.to_owned() };
        let mut target = key.name;
        match key.name {
            "master_key" => {
                self.values.remove("master_key_file");
            }
            "master_key_file" => {
                self.values.remove("master_key");
            }
            "database_url_file" | "mail.password_file" => match fs::read_to_string(&setting.value) {
                Ok(secret) => {
                    setting.value = secret.trim().to_owned();
                    target = if key.name == "database_url_file" { "database_url" } else { "mail.password" };
                }
                Err(error) => {
                    let reason = format!("cannot be read: {error}");
                    self.problems.push(Problem::Bad { name: setting.name, reason, value: Some(setting.value) });
                    return;
                }
            },
            _ => {}
        }
        self.values.insert(target, setting);
    }

    /// Gives a key a value unless it has one.
    pub(super) fn assume(&mut self, key: &'static str, value: String) {
        let setting = Setting { value, name: key.to_owned(), origin: "default".to_owned() };
        self.values.entry(key).or_insert(setting);
    }

    /// Reads a key that has a value; notes what is wrong with it.
    pub(super) fn read<T, E: fmt::Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.read_if_set(key, parse).flatten()
    }

    /// Reads a key that may be unset: `Some(None)` then, and `None` when its value is wrong.
    pub(super) fn read_if_set<T, E: fmt::Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let Some(setting) = self.values.get(key) else { return Some(None) };
        match parse(&setting.value) {
            Ok(value) => Some(Some(value)),
            Err(reason) => {
                let secret = SECRET_FILES.iter().any(|(secret, _)| *secret == key);
                let value = (!secret).then(|| setting.value.clone());
                self.problems.push(Problem::Bad { name: setting.name.clone(), reason: reason.to_string(), value });
                None
            }
        }
    }

    /// Notes that a key which others ask for has no value.
    pub(super) fn miss(&mut self, key: &str, reason: &str) {
        let name = format!("{key} (or {})", variable(key));
        self.problems.push(Problem::Bad { name, reason: reason.to_owned(), value: None });
    }
}

/// The settings as a TOML file would say them, and where each comes from. Secrets are redacted.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &KEYS {
            let Some(setting) = self.values.get(key.name) else { continue };
            let value = match key.name {
                "master_key" | "mail.password" => "[redacted]".to_owned(),
                "database_url" => redacted_url(&setting.value),
                _ => setting.value.clone(),
            };
            writeln!(f, "{} = {value:?}  # {}", key.name, setting.origin)?;
        }
        Ok(())
    }
}

/// As shown to people: never with a secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether a variable is meant for the server. Those of the test suite and the one that names the file are not keys.
fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) && !name.starts_with("PAYLENT_TEST_") && name != super::FILE_VARIABLE
}

fn text(value: Value) -> Option<String> {
    match value.kind {
        ValueKind::Array(values) => Some(values.into_iter().map(text).collect::<Option<Vec<_>>>()?.join(",")),
        ValueKind::Table(_) | ValueKind::Nil => None,
        _ => value.into_string().ok(),
    }
}

/// The first line of a TOML error says where, the last says what. The lines between repeat the file's own line, which
/// may hold a secret.
fn without_excerpt(error: &config::ConfigError) -> String {
    let text = error.to_string();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    match (lines.next(), lines.next_back()) {
        (Some(place), Some(reason)) => format!("{place}: {reason}"),
        _ => text,
    }
}
