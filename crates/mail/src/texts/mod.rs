//! Every text of the mails, in every language.
//!
//! The table is a struct with one value per language, so a language that lacks a text does not compile. `{name}` is the
//! place of a value. Dutch and German say "u" and "Sie".

mod dutch;
mod english;
mod german;

use paylent_domain::language::Language;

use dutch::DUTCH;
use english::ENGLISH;
use german::GERMAN;

/// The texts of a language.
pub(crate) const fn of(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

/// The texts of one language.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Texts {
    pub(crate) greeting: &'static str,
    pub(crate) copy_link: &'static str,
    pub(crate) sent_by: &'static str,
    pub(crate) minute: &'static str,
    pub(crate) minutes: &'static str,
    pub(crate) day: &'static str,
    pub(crate) days: &'static str,
    pub(crate) once: &'static str,
    pub(crate) times: &'static str,
    pub(crate) passcode: Words,
    pub(crate) already_registered: Words,
    pub(crate) password_reset: Words,
    pub(crate) password_changed: Words,
    pub(crate) email_change: Words,
    pub(crate) email_changed: Words,
    pub(crate) invitation: Words,
    /// An invitation by a program.
    pub(crate) invitation_by_nobody: Words,
    pub(crate) sign_in_after_failures: Words,
    pub(crate) foreign_token_revoked: Words,
    pub(crate) foreign_token_observed: Words,
    pub(crate) foreign_secret_refused: Words,
    pub(crate) foreign_secret_observed: Words,
    pub(crate) account_deleted: Words,
}

/// What one kind of letter says.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Words {
    pub(crate) subject: &'static str,
    /// Before the code or the link.
    pub(crate) lead: &'static str,
    /// What the link does; empty where there is none.
    pub(crate) action: &'static str,
    /// After it: for how long it is good, and what to do if one did not ask for it.
    pub(crate) after: &'static str,
}

impl Texts {
    /// So many minutes, in words.
    pub(crate) fn minutes(&self, number: u32) -> String {
        counted(self.minute, self.minutes, number)
    }

    /// So many days, in words.
    pub(crate) fn days(&self, number: u32) -> String {
        counted(self.day, self.days, number)
    }

    /// So often, in words.
    pub(crate) fn times(&self, number: u32) -> String {
        counted(self.once, self.times, number)
    }
}

fn counted(one: &str, many: &str, number: u32) -> String {
    if number == 1 { one.to_owned() } else { fill(many, &[("number", &number.to_string())]) }
}

/// Puts values in their places, once: what looks like a place in a value stays as it is.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let place = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, after))
        });
        match place {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;

    /// The texts of a language by their names, `passcode.subject` for those of a letter.
    fn table(language: Language) -> BTreeMap<String, String> {
        let Value::Object(texts) = serde_json::to_value(of(language)).unwrap() else { unreachable!() };
        let mut table = BTreeMap::new();
        for (name, value) in texts {
            match value {
                Value::String(text) => drop(table.insert(name, text)),
                Value::Object(words) => {
                    let texts = words
                        .into_iter()
                        .map(|(part, text)| (format!("{name}.{part}"), text.as_str().unwrap().to_owned()));
                    table.extend(texts);
                }
                _ => unreachable!(),
            }
        }
        table
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_places() {
        let english = table(Language::English);
        for language in Language::ALL {
            let texts = table(language);
            assert!(texts.keys().eq(english.keys()));
            for (name, text) in &texts {
                assert_eq!(text.trim(), text, "{name} in {language:?}");
                assert_eq!(text.is_empty(), english[name].is_empty(), "{name} in {language:?}");
                assert_eq!(places(text), places(&english[name]), "{name} in {language:?}");
            }
        }
    }

    #[test]
    fn no_text_was_left_in_english() {
        let english = table(Language::English);
        for language in [Language::Dutch, Language::German] {
            for (name, text) in table(language) {
                assert!(text.is_empty() || text != english[&name], "{name} in {language:?}");
            }
        }
    }

    #[test]
    fn em_template_what_looks_like_a_place_in_a_value_stays() {
        let filled = fill("{a} and {b}, {c} {", &[("a", "{b}"), ("b", "{{7*7}}")]);
        assert_eq!(filled, "{b} and {{7*7}}, {c} {");
    }

    #[test]
    fn one_is_not_told_as_many() {
        let english = of(Language::English);
        assert_eq!((english.minutes(1).as_str(), english.minutes(10).as_str()), ("1 minute", "10 minutes"));
        assert_eq!((of(Language::German).days(1).as_str(), of(Language::Dutch).days(7).as_str()), ("1 Tag", "7 dagen"));
    }
}
