//! The development mailbox.

use askama::Template;

use super::{
    Frame, Href, Name, Page, Policy,
    texts::mailbox::{self, MailboxTexts},
};

/// Shows the mails that left lately. Their HTML is not shown: it would be run as a page of this site.
#[derive(Debug, Template)]
#[template(path = "mailbox.html")]
pub struct Mailbox<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The mails, the last first.
    pub mails: &'a [ShownMail<'a>],
}

/// A mail on the page.
#[derive(Debug)]
pub struct ShownMail<'a> {
    /// Its subject.
    pub subject: Name<'a>,
    /// Whom it went to.
    pub to: Name<'a>,
    /// When it was written, RFC 3339.
    pub at: String,
    /// Its text part.
    pub text: &'a str,
    /// The links in it.
    pub links: Vec<Href<'a>>,
}

impl Mailbox<'_> {
    const fn texts(&self) -> &'static MailboxTexts {
        mailbox::of(self.frame.language)
    }
}

impl Page for Mailbox<'_> {
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
    fn em_template_a_mail_is_shown_as_text() {
        let sample = samples::mailbox();
        let mails = [ShownMail {
            subject: Name("<i>"),
            to: Name("<b>"),
            at: String::new(),
            text: "</pre><script>",
            links: vec![],
        }];
        let html = render(&Mailbox { mails: &mails, ..sample }).unwrap().body;
        assert!(
            !html.contains("<i>") && !html.contains("<b>") && html.contains("&#60;/pre&#62;&#60;script&#62;"),
            "{html}"
        );
    }
}
