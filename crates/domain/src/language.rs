//! The languages that people are spoken to in, on pages and in mails.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A language we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// English, used when nothing better is known.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Dutch.
    #[serde(rename = "nl")]
    Dutch,
    /// German.
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// Every language, the default first.
    pub const ALL: [Self; 3] = [Self::English, Self::Dutch, Self::German];

    /// The BCP 47 tag, for `lang` and `Content-Language`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Dutch => "nl",
            Self::German => "de",
        }
    }

    /// The direction of its script, for `dir`.
    #[must_use]
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::Dutch | Self::German => "ltr",
        }
    }

    /// The language of a tag or range such as `de-AT`, by its primary subtag (RFC 4647 section 3.4).
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

/// The tag itself, and nothing else.
impl FromStr for Language {
    type Err = Invalid;

    fn from_str(tag: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|language| language.tag() == tag);
        known.ok_or(Invalid("must be en, nl or de"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_subtag_decides() {
        assert_eq!(Language::of_tag("de-AT"), Some(Language::German));
        assert_eq!(Language::of_tag("NL"), Some(Language::Dutch));
        assert_eq!(Language::of_tag("nld"), None);
        assert_eq!(Language::of_tag(""), None);
    }

    #[test]
    fn a_language_is_chosen_by_its_tag_alone() {
        for language in Language::ALL {
            assert_eq!(language.tag().parse(), Ok(language));
        }
        for tag in ["", "fr", "EN", "de-AT", " nl"] {
            assert!(tag.parse::<Language>().is_err(), "{tag}");
        }
    }
}
