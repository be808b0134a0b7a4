//! The account chooser.

use askama::Template;

use super::{Account, Form, Frame, Href, Name, Page, Policy, name::fill};

/// Asks which account to go on with (`prompt=select_account`). Posting it means the account shown.
#[derive(Debug, Template)]
#[template(path = "choose_account.html")]
pub struct ChooseAccount<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where the choice of the shown account is posted to.
    pub form: Form<'a>,
    /// The application one continues to.
    pub client: Option<Name<'a>>,
    /// The account of this browser's session.
    pub account: Account<'a>,
    /// Where one signs in with another account.
    pub use_another: Option<Href<'a>>,
}

impl Page for ChooseAccount<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{render, samples},
        *,
    };

    #[test]
    fn the_choice_is_the_account_of_this_browser_or_another() {
        let html = render(&samples::choose_account()).unwrap().body;
        for text in ["Ada Lovelace", "ada@example.test", "Ledger Robot", r#"name="csrf""#, r#"name="handle""#] {
            assert!(html.contains(text), "{text}");
        }
        assert!(html.contains(r#"<a href="/oauth/login?another">Use another account</a>"#));
        let html = render(&ChooseAccount { use_another: None, ..samples::choose_account() }).unwrap().body;
        assert!(!html.contains("Use another account"));
    }

    #[test]
    fn an_account_without_a_name_is_shown_by_its_address() {
        let account = Account { name: None, email: Name("zoe@example.test") };
        let html = render(&ChooseAccount { account, ..samples::choose_account() }).unwrap().body;
        assert!(html.contains(r#"aria-hidden="true">Z</span>"#) && !html.contains("<strong>"));
    }
}
