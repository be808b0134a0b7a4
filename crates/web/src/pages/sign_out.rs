//! Signing out: the question and the end.

use askama::Template;

use super::{Account, Form, Frame, Href, Name, Page, Policy, name::fill};

/// Asks whether to sign out. Posts `decision`: `sign_out` or `stay`.
#[derive(Debug, Template)]
#[template(path = "sign_out.html")]
pub struct SignOut<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The application that asks for it.
    pub client: Option<Name<'a>>,
    /// The account that is signed in.
    pub account: Option<Account<'a>>,
}

impl Page for SignOut<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

/// Says that nobody is signed in any more.
#[derive(Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where one signs in again.
    pub sign_in: Option<Href<'a>>,
}

impl Page for SignedOut<'_> {
    const POLICY: Policy = Policy::Stays;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

/// Says that the person is signed in as before.
#[derive(Debug, Template)]
#[template(path = "stayed.html")]
pub struct Stayed<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The account that is signed in.
    pub account: Option<Account<'a>>,
}

impl Page for Stayed<'_> {
    const POLICY: Policy = Policy::Stays;

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
    fn signing_out_is_asked_and_staying_comes_first() {
        let html = render(&samples::sign_out()).unwrap().body;
        let place = |value| html.find(&format!(r#"name="decision" value="{value}""#));
        assert!(place("stay").is_some() && place("stay") < place("sign_out"));
        assert!(html.contains("asks to sign you out") && html.contains("acme.login.example"));
    }

    #[test]
    fn a_sealed_request_is_carried_only_when_there_is_one() {
        let sample = samples::sign_out();
        let form = Form { handle: None, ..sample.form };
        let html = render(&SignOut { form, client: None, account: None, ..sample }).unwrap().body;
        assert!(html.contains(r#"name="csrf""#) && !html.contains(r#"name="handle""#));
        assert!(!html.contains("asks to sign you out"));
    }
}
