//! The sign-in page.

use askama::Template;

use super::{
    Form, Frame, Href, Name, Page, Policy,
    name::{Sentence, fill},
};

/// Asks for an e-mail address and a password: inputs `email` and `password`.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The page of ours that one came for; none when one continues to an application.
    pub return_to: Option<&'a str>,
    /// The application one continues to; none when a person came here directly.
    pub client: Option<Name<'a>>,
    /// What the e-mail field holds: `login_hint`, or what was typed before.
    pub email: &'a str,
    /// Whether someone who is signed in already has to prove it again (`prompt=login`, `max_age`).
    pub again: bool,
    /// Why the last attempt did not succeed.
    pub problem: Option<SignInProblem>,
    /// Where a forgotten password is replaced.
    pub forgot_password: Option<Href<'a>>,
    /// Where an account is made.
    pub register: Option<Href<'a>>,
}

/// Why an attempt to sign in did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProblem {
    /// The one answer for an unknown address, a wrong password, and an account that may not sign in.
    Mismatch,
    /// A field was left empty.
    Missing {
        /// The e-mail field was empty.
        email: bool,
        /// The password field was empty.
        password: bool,
    },
    /// The form was too old or not from this browser; nothing was checked.
    Stale,
    /// Too many attempts (429).
    TooMany {
        /// Seconds until the next attempt is worth while, as in `Retry-After`.
        retry_after: u32,
    },
    /// No capacity for another password check right now (503).
    Busy,
}

impl SignIn<'_> {
    fn email_missing(&self) -> bool {
        matches!(self.problem, Some(SignInProblem::Missing { email: true, .. }))
    }

    fn password_missing(&self) -> bool {
        matches!(self.problem, Some(SignInProblem::Missing { password: true, .. }))
    }

    /// When to try again, after too many attempts.
    fn wait(&self) -> Option<Sentence<u32>> {
        match self.problem {
            Some(SignInProblem::TooMany { retry_after }) => Some(self.frame.wait(retry_after)),
            _ => None,
        }
    }

    fn mismatch(&self) -> bool {
        self.problem == Some(SignInProblem::Mismatch)
    }
}

impl Page for SignIn<'_> {
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

    fn body(page: &SignIn<'_>) -> String {
        render(page).unwrap().body
    }

    #[test]
    fn the_form_posts_the_named_fields_without_a_script() {
        let html = body(&samples::sign_in());
        assert!(html.contains(r#"<form method="post" action="/oauth/login""#));
        assert!(html.contains(r#"<input type="hidden" name="csrf" value="token">"#));
        assert!(html.contains(r#"<input type="hidden" name="handle" value="sealed">"#));
        assert!(html.contains(r#"name="email" type="email" autocomplete="username""#));
        assert!(html.contains(r#"name="password" type="password" autocomplete="current-password""#));
        assert!(html.contains(r#"<button class="primary" type="submit">Sign in</button>"#));
    }

    #[test]
    fn the_hint_is_filled_in_and_stays_inside_its_attribute() {
        let page = SignIn { email: "\"><script>alert(1)</script>", ..samples::sign_in() };
        let html = body(&page);
        assert!(html.contains(r#"value="&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;""#));
        assert!(!html.contains("<script>"));
    }

    #[test]
    fn links_appear_only_when_they_lead_somewhere() {
        let html = body(&samples::sign_in());
        assert!(!html.contains("Forgot") && !html.contains("Create an account"));
        let page = SignIn {
            forgot_password: Href::parse("/password"),
            register: Href::parse("/register"),
            ..samples::sign_in()
        };
        let html = body(&page);
        assert!(html.contains(r#"href="/password""#) && html.contains(r#"href="/register""#));
    }

    #[test]
    fn a_mismatch_does_not_tell_which_field_was_wrong() {
        let html = body(&SignIn { problem: Some(SignInProblem::Mismatch), ..samples::sign_in() });
        assert_eq!(html.matches(r#"aria-invalid="true""#).count(), 2);
        assert_eq!(html.matches(r#"aria-describedby="problem""#).count(), 2);
        assert!(html.contains(r#"role="alert""#));
    }

    #[test]
    fn an_empty_field_is_named_and_described_by_its_own_error() {
        let problem = Some(SignInProblem::Missing { email: false, password: true });
        let html = body(&SignIn { problem, ..samples::sign_in() });
        assert_eq!(html.matches(r#"aria-invalid="true""#).count(), 1);
        assert!(html.contains(r#"aria-describedby="password-error""#) && html.contains(r#"id="password-error""#));
        assert!(html.contains("<a href=\"#password\">"));
        assert!(!html.contains("email-error"));
    }

    #[test]
    fn too_many_attempts_say_when_to_come_back() {
        for (retry_after, text) in
            [(1, "in a minute"), (60, "in a minute"), (61, "in 2 minutes"), (900, "in 15 minutes")]
        {
            let html = body(&SignIn { problem: Some(SignInProblem::TooMany { retry_after }), ..samples::sign_in() });
            assert!(html.contains(text), "{retry_after}");
            assert!(!html.contains("aria-invalid"));
        }
    }
}
