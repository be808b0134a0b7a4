//! The texts of the account pages, in every language.

mod dutch;
mod english;
mod german;

use dutch::DUTCH;
use english::ENGLISH;
use german::GERMAN;

use super::Language;

/// The texts of the account pages in a language.
pub(crate) const fn account(language: Language) -> &'static Account {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

/// The texts of one language; the fields are named after what they say in English.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Account {
    pub(crate) sections: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    pub(crate) sessions: &'static str,
    pub(crate) applications: &'static str,
    pub(crate) organizations: &'static str,
    pub(crate) data: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) save: &'static str,
    pub(crate) saved: &'static str,
    pub(crate) nothing_changed: &'static str,
    pub(crate) first_name: &'static str,
    pub(crate) last_name: &'static str,
    pub(crate) language: &'static str,
    pub(crate) language_of_browser: &'static str,
    pub(crate) wrong_name: &'static str,
    pub(crate) wrong_language: &'static str,
    pub(crate) email_now: &'static str,
    pub(crate) verified: &'static str,
    pub(crate) unverified: &'static str,
    pub(crate) email_pending: &'static str,
    pub(crate) email_note: &'static str,
    pub(crate) new_email: &'static str,
    pub(crate) send_link: &'static str,
    pub(crate) wrong_email: &'static str,
    pub(crate) same_email: &'static str,
    pub(crate) confirm_email: &'static str,
    pub(crate) confirm_email_from: &'static str,
    pub(crate) confirm_email_to: &'static str,
    pub(crate) confirm_email_stranger: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) email_changed: &'static str,
    pub(crate) email_changed_note: &'static str,
    pub(crate) link_dead: &'static str,
    pub(crate) link_dead_note: &'static str,
    pub(crate) to_account: &'static str,
    pub(crate) current_password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) repeat_password: &'static str,
    pub(crate) password_note: &'static str,
    pub(crate) password_ends: &'static str,
    pub(crate) change_password: &'static str,
    pub(crate) password_changed: &'static str,
    pub(crate) wrong_password: &'static str,
    pub(crate) password_short: &'static str,
    pub(crate) password_unfit: &'static str,
    pub(crate) password_guessable: &'static str,
    pub(crate) password_differs: &'static str,
    pub(crate) on_system: &'static str,
    pub(crate) unknown_device: &'static str,
    pub(crate) this_browser: &'static str,
    pub(crate) address: &'static str,
    pub(crate) signed_in_since: &'static str,
    pub(crate) last_used: &'static str,
    pub(crate) sign_out_there: &'static str,
    pub(crate) sign_out_others: &'static str,
    pub(crate) sign_out_all: &'static str,
    pub(crate) signed_out_there: &'static str,
    pub(crate) applications_note: &'static str,
    pub(crate) no_applications: &'static str,
    pub(crate) since: &'static str,
    pub(crate) remove_access: &'static str,
    pub(crate) access_removed: &'static str,
    pub(crate) no_organizations: &'static str,
    pub(crate) roles: &'static str,
    pub(crate) no_roles: &'static str,
    pub(crate) leave: &'static str,
    pub(crate) left: &'static str,
    pub(crate) invitations: &'static str,
    pub(crate) invited_to: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) until: &'static str,
    pub(crate) data_note: &'static str,
    pub(crate) download: &'static str,
    pub(crate) delete_note: &'static str,
    pub(crate) type_email: &'static str,
    pub(crate) wrong_confirmation: &'static str,
    pub(crate) delete_now: &'static str,
    pub(crate) last_admin: &'static str,
    pub(crate) last_admin_somewhere: &'static str,
    pub(crate) acting_clients: &'static str,
    pub(crate) deleted: &'static str,
    pub(crate) deleted_note: &'static str,
}

#[cfg(test)]
mod tests {
    use super::{super::tests::check_tables, *};

    #[test]
    fn every_language_has_every_text_of_the_account_pages() {
        check_tables(account, &[]);
    }
}
