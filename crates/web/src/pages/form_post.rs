//! The answer of `response_mode=form_post`.

use askama::Template;

use super::{Frame, Name, Page, Policy, name::fill};

/// Hands the answer to the client by a form that submits itself, or by its button when scripts are off
/// (OAuth 2.0 Form Post Response Mode).
#[derive(Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPost<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The application.
    pub client: Name<'a>,
    /// Its verified redirect URI.
    pub destination: Destination<'a>,
    /// The fields, in order.
    pub parameters: &'a [(&'a str, &'a str)],
}

impl Page for FormPost<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

/// A redirect URI that a form may be posted to: https, http, or a private scheme with a dot in it (RFC 8252 section 7.1).
///
/// Registration refuses other schemes already; `javascript:` in a form that submits itself would be too dear a mistake
/// to rely on that alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a>(&'a str);

impl<'a> Destination<'a> {
    /// Takes the URI; none when its scheme is not one of those, or when it holds spaces or control characters.
    #[must_use]
    pub fn parse(uri: &'a str) -> Option<Self> {
        let (scheme, _) = uri.split_once(':')?;
        let scheme_characters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let well_formed =
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(scheme_characters);
        let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        let printable = !uri.contains(|c: char| c.is_control() || c.is_whitespace());
        (well_formed && printable && (web || scheme.contains('.'))).then_some(Self(uri))
    }

    const fn as_str(&self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{render, samples},
        *,
    };

    #[test]
    fn only_uris_that_run_no_code_are_posted_to() {
        for good in
            ["https://app.example/cb?a=b", "HTTPS://app.example/", "http://127.0.0.1:49152/cb", "com.example.app:/cb"]
        {
            assert!(Destination::parse(good).is_some(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "java\tscript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://x/y",
            "about:blank",
            "intent://x",
            "/relative",
            "a.b/c:d",
            "",
        ] {
            assert!(Destination::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_parameter_is_a_hidden_field_and_stays_in_its_attribute() {
        let html = render(&samples::form_post()).unwrap().body;
        assert!(html.contains(r#"<form method="post" action="https://ledger.example/cb?a=1&#38;b=2" data-submit>"#));
        assert!(html.contains(r#"<input type="hidden" name="code" value="pay_ac_1">"#));
        assert!(html.contains(r#"<input type="hidden" name="state" value="&#34;&#62;&#60;script&#62;">"#));
        assert!(html.contains(r#"type="submit">Continue</button>"#));
    }
}
