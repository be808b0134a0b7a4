//! The texts of the pages where organizations manage applications and connections, in every language.

mod dutch;
mod english;
mod german;

use dutch::DUTCH;
use english::ENGLISH;
use german::GERMAN;

use super::Language;

/// The texts of these pages in a language.
pub(crate) const fn connections(language: Language) -> &'static Connections {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

/// The texts of one language; the fields are named after what they say in English.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Connections {
    pub(crate) connections: &'static str,
    pub(crate) lede_admin: &'static str,
    pub(crate) lede_member: &'static str,
    pub(crate) your_applications: &'static str,
    pub(crate) no_applications: &'static str,
    pub(crate) new_application: &'static str,
    pub(crate) connected: &'static str,
    pub(crate) no_connections: &'static str,
    pub(crate) no_own_connections: &'static str,
    pub(crate) for_whom: &'static str,
    pub(crate) for_all: &'static str,
    pub(crate) connected_by: &'static str,
    pub(crate) somebody_gone: &'static str,
    pub(crate) connected_since: &'static str,
    pub(crate) never_used: &'static str,
    pub(crate) last_address: &'static str,
    pub(crate) permissions: &'static str,
    pub(crate) change_or_disconnect: &'static str,
    pub(crate) more: &'static str,
    pub(crate) grant_type: &'static str,
    pub(crate) grant_fixed: &'static str,
    pub(crate) grant_code: &'static str,
    pub(crate) grant_code_note: &'static str,
    pub(crate) grant_credentials: &'static str,
    pub(crate) grant_credentials_note: &'static str,
    pub(crate) create: &'static str,
    pub(crate) name: &'static str,
    pub(crate) name_hint: &'static str,
    pub(crate) resource_server: &'static str,
    pub(crate) resource_server_hint: &'static str,
    pub(crate) most_servers: &'static str,
    pub(crate) show_permissions: &'static str,
    pub(crate) redirect_uri: &'static str,
    pub(crate) redirect_uri_hint: &'static str,
    pub(crate) redirect_uri_change: &'static str,
    pub(crate) allow_list: &'static str,
    pub(crate) allow_list_hint: &'static str,
    pub(crate) current_address: &'static str,
    pub(crate) add_current: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) mode_enforce: &'static str,
    pub(crate) mode_observe: &'static str,
    pub(crate) emails: &'static str,
    pub(crate) emails_hint: &'static str,
    pub(crate) permissions_hint: &'static str,
    pub(crate) permissions_change: &'static str,
    pub(crate) no_permissions: &'static str,
    pub(crate) settings: &'static str,
    pub(crate) client_id: &'static str,
    pub(crate) created: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) example_link: &'static str,
    pub(crate) example_link_note: &'static str,
    pub(crate) example_curl: &'static str,
    pub(crate) example_curl_note: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) secret_note: &'static str,
    pub(crate) overlap: &'static str,
    pub(crate) overlap_none: &'static str,
    pub(crate) overlap_hour: &'static str,
    pub(crate) overlap_day: &'static str,
    pub(crate) overlap_week: &'static str,
    pub(crate) rotate: &'static str,
    pub(crate) secret_title: &'static str,
    pub(crate) secret_once: &'static str,
    pub(crate) old_secret_until: &'static str,
    pub(crate) previous_secret_until: &'static str,
    pub(crate) end_previous_secret: &'static str,
    pub(crate) secret_file: &'static str,
    pub(crate) stored: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) tokens: &'static str,
    pub(crate) no_tokens: &'static str,
    pub(crate) token_begins: &'static str,
    pub(crate) revoke: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) delete_question: &'static str,
    pub(crate) delete_note: &'static str,
    pub(crate) delete_name: &'static str,
    pub(crate) other_name: &'static str,
    pub(crate) delete_counted: &'static str,
    pub(crate) tokens_counted: &'static str,
    pub(crate) keep: &'static str,
    pub(crate) removal_title: &'static str,
    pub(crate) removal_note: &'static str,
    pub(crate) removal_counted: &'static str,
    pub(crate) removal_tokens: &'static str,
    pub(crate) removal_now: &'static str,
    pub(crate) addition_title: &'static str,
    pub(crate) addition_note: &'static str,
    pub(crate) addition_counted: &'static str,
    pub(crate) addition_now: &'static str,
    pub(crate) keep_settings: &'static str,
    pub(crate) keep_permissions: &'static str,
    pub(crate) keep_note: &'static str,
    pub(crate) disconnect: &'static str,
    pub(crate) disconnect_note: &'static str,
    pub(crate) disguised: &'static str,
    pub(crate) disguised_note: &'static str,
    pub(crate) saved_more: &'static str,
    pub(crate) already_made: &'static str,
    pub(crate) done_secret_ended: &'static str,
    pub(crate) done_revoked: &'static str,
    pub(crate) done_deleted: &'static str,
    pub(crate) done_disconnected: &'static str,
    pub(crate) done_address: &'static str,
    pub(crate) wrong_grant: &'static str,
    pub(crate) wrong_redirect_uri: &'static str,
    pub(crate) missing_redirect_uri: &'static str,
    pub(crate) needless_redirect_uri: &'static str,
    pub(crate) wrong_entry: &'static str,
    pub(crate) long_list: &'static str,
    pub(crate) empty_list: &'static str,
    pub(crate) wrong_mode: &'static str,
    pub(crate) wrong_resource_server: &'static str,
    pub(crate) server_without_refresh: &'static str,
    pub(crate) foreign_permission: &'static str,
    pub(crate) lacking_permission: &'static str,
    pub(crate) secret_of_more: &'static str,
    pub(crate) wrong_overlap: &'static str,
    pub(crate) wrong_email: &'static str,
    pub(crate) many_emails: &'static str,
    pub(crate) stale: &'static str,
    pub(crate) overtaken: &'static str,
    pub(crate) keep_one: &'static str,
    pub(crate) connects_for_all: &'static str,
    pub(crate) connects_for_you: &'static str,
    pub(crate) connects_yourself: &'static str,
    pub(crate) acts_for: &'static str,
}

#[cfg(test)]
mod tests {
    use super::{super::tests::check_tables, *};

    #[test]
    fn every_language_has_every_text() {
        check_tables(connections, &["name", "resource_server"]);
    }
}
