//! The error page.

use askama::Template;

use super::{
    Frame, Href, Page, Policy,
    name::{Sentence, fill},
    texts::Texts,
};

/// Says what went wrong to a person who cannot be sent back to the application.
#[derive(Debug, Template)]
#[template(path = "fault.html")]
pub struct FaultPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What went wrong.
    pub fault: Fault,
    /// The code for those who look into it, such as `invalid_request`.
    pub code: &'a str,
    /// A sentence for developers, in English.
    pub detail: Option<&'a str>,
    /// The id of the request in the logs.
    pub request_id: &'a str,
    /// When it happened, RFC 3339 in UTC; the script shows it in the reader's own time.
    pub at: &'a str,
    /// A way back.
    pub back: Option<Href<'a>>,
}

/// What can go wrong before a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `client_id` names no application that may be used here.
    UnknownClient,
    /// `redirect_uri` is not one of the application's.
    RedirectUri,
    /// The request cannot be read.
    Malformed,
    /// The sign-in began too long ago.
    Expired,
    /// The sign-in began in another browser.
    OtherBrowser,
    /// The question was answered already.
    AlreadyDecided,
    /// The form did not come from our page (CSRF).
    Forbidden,
    /// There is no such page.
    NotFound,
    /// Too many requests.
    TooMany {
        /// Seconds until the next attempt is worth while, as in `Retry-After`.
        retry_after: u32,
    },
    /// The server cannot do it right now.
    Unavailable,
    /// The server failed.
    Internal,
}

impl Fault {
    /// The HTTP status of the page.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::UnknownClient | Self::RedirectUri | Self::Malformed | Self::Expired => 400,
            Self::OtherBrowser | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::AlreadyDecided => 409,
            Self::TooMany { .. } => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    const fn title(self, texts: &Texts) -> &'static str {
        match self {
            Self::UnknownClient => texts.unknown_client,
            Self::RedirectUri => texts.redirect_uri,
            Self::Malformed => texts.malformed,
            Self::Expired => texts.expired,
            Self::OtherBrowser => texts.other_browser,
            Self::AlreadyDecided => texts.already_decided,
            Self::Forbidden => texts.forbidden,
            Self::NotFound => texts.not_found,
            Self::TooMany { .. } => texts.too_many,
            Self::Unavailable => texts.unavailable,
            Self::Internal => texts.internal,
        }
    }

    /// What to do about it; with a wait, see [`Frame::wait`].
    const fn note(self, texts: &Texts) -> &'static str {
        match self {
            Self::UnknownClient => texts.unknown_client_note,
            Self::RedirectUri => texts.redirect_uri_note,
            Self::Malformed => texts.malformed_note,
            Self::Expired => texts.expired_note,
            Self::OtherBrowser => texts.other_browser_note,
            Self::AlreadyDecided => texts.already_decided_note,
            Self::Forbidden => texts.forbidden_note,
            Self::NotFound => texts.not_found_note,
            Self::TooMany { .. } => texts.wait_minutes,
            Self::Unavailable => texts.unavailable_note,
            Self::Internal => texts.internal_note,
        }
    }
}

impl FaultPage<'_> {
    fn note(&self) -> Sentence<u32> {
        match self.fault {
            Fault::TooMany { retry_after } => self.frame.wait(retry_after),
            fault => fill(fault.note(self.frame.texts()), 0),
        }
    }
}

impl Page for FaultPage<'_> {
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
    fn the_page_gives_what_support_asks_for() {
        let html = render(&samples::fault()).unwrap().body;
        assert!(html.contains("invalid_request") && html.contains("01JD4Z-request"));
        assert!(html.contains(r#"<time datetime="2026-11-23T05:10:00Z">2026-11-23T05:10:00Z</time>"#));
        assert!(html.contains(r#"data-copy="request-id""#) && html.contains(r#"href="/""#));
    }

    #[test]
    fn details_are_shown_as_text() {
        let page = FaultPage { detail: Some("</script><b>"), code: "<i>", request_id: "\"x", ..samples::fault() };
        let html = render(&page).unwrap().body;
        assert!(!html.contains("<b>") && !html.contains("<i>") && html.contains("&#60;/script&#62;&#60;b&#62;"));
    }

    #[test]
    fn waiting_is_told_in_minutes() {
        let page = |retry_after| FaultPage { fault: Fault::TooMany { retry_after }, ..samples::fault() };
        assert!(render(&page(60)).unwrap().body.contains("in a minute"));
        assert!(render(&page(61)).unwrap().body.contains("in 2 minutes"));
    }
}
