//! Every text of the pages, in every language.
//!
//! The table is a struct with one value per language, so a language that lacks a text does not compile. `{}` is the place
//! of a value. Dutch and German say "u" and "Sie".

pub(crate) mod account;
pub(crate) mod connections;
mod dutch;
mod english;
mod german;
pub(crate) mod mailbox;
pub(crate) mod organizations;
mod register;
mod reset;

use dutch::DUTCH;
use english::ENGLISH;
use german::GERMAN;
pub(crate) use register::{Register, register};
pub(crate) use reset::{Reset, reset};

use super::Language;

/// The texts of a language.
pub(crate) const fn of(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

/// The texts of one language; the fields are named after what they say in English.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Texts {
    pub(crate) help: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) sign_in_to: &'static str,
    pub(crate) sign_in_again: &'static str,
    pub(crate) show_password: &'static str,
    pub(crate) hide_password: &'static str,
    pub(crate) forgot_password: &'static str,
    pub(crate) no_account: &'static str,
    pub(crate) register: &'static str,
    pub(crate) not_signed_in: &'static str,
    pub(crate) mismatch: &'static str,
    pub(crate) email_missing: &'static str,
    pub(crate) password_missing: &'static str,
    pub(crate) stale: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) too_many: &'static str,
    pub(crate) wait_minute: &'static str,
    pub(crate) wait_minutes: &'static str,
    pub(crate) give_access: &'static str,
    pub(crate) asks_access: &'static str,
    pub(crate) asks_for: &'static str,
    pub(crate) asks_now: &'static str,
    pub(crate) published_by: &'static str,
    pub(crate) signed_in_as: &'static str,
    pub(crate) use_another: &'static str,
    pub(crate) asked_more: &'static str,
    pub(crate) asked_same: &'static str,
    pub(crate) untick: &'static str,
    pub(crate) new: &'static str,
    pub(crate) allowed_before: &'static str,
    pub(crate) group_identity: &'static str,
    pub(crate) group_access: &'static str,
    pub(crate) group_access_of: &'static str,
    pub(crate) group_offline: &'static str,
    pub(crate) scope_openid: &'static str,
    pub(crate) scope_openid_note: &'static str,
    pub(crate) scope_profile: &'static str,
    pub(crate) scope_email: &'static str,
    pub(crate) scope_offline: &'static str,
    pub(crate) scope_offline_note: &'static str,
    pub(crate) returns_to: &'static str,
    pub(crate) if_denied: &'static str,
    pub(crate) change_later: &'static str,
    pub(crate) allow: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) choose_account: &'static str,
    pub(crate) continue_as: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) sign_out_question: &'static str,
    pub(crate) sign_out_asked_by: &'static str,
    pub(crate) sign_out_note: &'static str,
    pub(crate) stay: &'static str,
    pub(crate) stayed: &'static str,
    pub(crate) stayed_note: &'static str,
    pub(crate) signed_out: &'static str,
    pub(crate) signed_out_note: &'static str,
    pub(crate) sign_in_once_more: &'static str,
    pub(crate) one_moment: &'static str,
    pub(crate) on_your_way: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) error_code: &'static str,
    pub(crate) request_id: &'static str,
    pub(crate) time: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) details: &'static str,
    pub(crate) back: &'static str,
    pub(crate) unknown_client: &'static str,
    pub(crate) unknown_client_note: &'static str,
    pub(crate) redirect_uri: &'static str,
    pub(crate) redirect_uri_note: &'static str,
    pub(crate) malformed: &'static str,
    pub(crate) malformed_note: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) expired_note: &'static str,
    pub(crate) other_browser: &'static str,
    pub(crate) other_browser_note: &'static str,
    pub(crate) already_decided: &'static str,
    pub(crate) already_decided_note: &'static str,
    pub(crate) forbidden: &'static str,
    pub(crate) forbidden_note: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) not_found_note: &'static str,
    pub(crate) unavailable: &'static str,
    pub(crate) unavailable_note: &'static str,
    pub(crate) internal: &'static str,
    pub(crate) internal_note: &'static str,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    fn table(texts: &impl Serialize) -> BTreeMap<String, String> {
        serde_json::from_value(serde_json::to_value(texts).unwrap()).unwrap()
    }

    /// Every language has every text, with the same places for values, and none was left in English but those that are
    /// `alike`.
    pub(super) fn check_tables<T: Serialize + 'static>(of: impl Fn(Language) -> &'static T, alike: &[&str]) {
        let english = table(of(Language::English));
        for language in Language::ALL {
            let texts = table(of(language));
            assert!(texts.keys().eq(english.keys()));
            for (key, text) in &texts {
                assert!(!text.is_empty() && text.trim() == text, "{key} in {language:?}");
                assert_eq!(text.matches("{}").count(), english[key].matches("{}").count(), "{key} in {language:?}");
                assert!(text.matches("{}").count() <= 1, "{key} in {language:?}");
                let translated = *text != english[key] || alike.contains(&key.as_str());
                assert!(translated || language == Language::English, "{key} in {language:?}");
            }
        }
    }

    #[test]
    fn every_language_has_every_text() {
        check_tables(of, &["help", "group_access_of"]);
    }

    #[test]
    fn each_language_speaks_from_its_own_table() {
        assert_eq!(Language::ALL.map(|language| of(language).deny), ["Deny", "Weigeren", "Ablehnen"]);
    }
}
