//! The cookies of the pages: how they are written, and how strictly they are read.

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The secret of a signed-in session.
    Session,
    /// A random value that tells this browser from others, before and after sign-in.
    Browser,
    /// The token of the invitation whose mailed link was opened here, while the person makes up their mind.
    Invitation,
}

/// Writes and reads cookies for one base URL.
///
/// Over https they are `Secure` and carry the `__Host-` prefix, so that neither plain http nor a sibling host can set
/// them (RFC 6265bis section 4.1.3). Over http, which only development uses, browsers would refuse both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    secure: bool,
}

/// No cookie of ours is longer, in bytes.
const MAX_VALUE: usize = 256;

impl Cookies {
    /// Cookies for a server that people reach under this base URL.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self { secure: base_url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) }
    }

    /// The name in the headers.
    #[must_use]
    pub const fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.secure) {
            (Cookie::Session, true) => "__Host-paylent_session",
            (Cookie::Browser, true) => "__Host-paylent_browser",
            (Cookie::Invitation, true) => "__Host-paylent_invitation",
            (Cookie::Invitation, false) => "paylent_invitation",
            (Cookie::Session, false) => "paylent_session",
            (Cookie::Browser, false) => "paylent_browser",
        }
    }

    /// A `Set-Cookie` value. `value` is base64url or hex; `max_age` is in seconds, and without it the cookie ends with
    /// the browser.
    #[must_use]
    pub fn set(self, cookie: Cookie, value: &str, max_age: Option<u32>) -> String {
        debug_assert!(is_value(value), "cookie values are base64url");
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/{secure}; HttpOnly; SameSite=Lax{age}", self.name(cookie))
    }

    /// The `Set-Cookie` value that removes a cookie.
    #[must_use]
    pub fn clear(self, cookie: Cookie) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}=; Path=/{secure}; HttpOnly; SameSite=Lax; Max-Age=0", self.name(cookie))
    }

    /// The value of a cookie in the `Cookie` headers of a request. None also when it is there more than once, because
    /// nobody can tell which one is ours, and when it is not base64url (quoted values are not).
    #[must_use]
    pub fn read<'a>(self, cookie: Cookie, headers: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let name = self.name(cookie);
        let pairs = headers.into_iter().flat_map(|header| header.split(';'));
        let mut values = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (trim(key) == name).then_some(trim(value))
        });
        let value = values.next()?;
        (values.next().is_none() && is_value(value)).then_some(value)
    }
}

/// RFC 6265 trims only spaces and tabs.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_value(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !text.is_empty() && text.len() <= MAX_VALUE && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::{Cookie::*, *};

    fn secure() -> Cookies {
        Cookies::new("https://acme.login.example")
    }

    fn plain() -> Cookies {
        Cookies::new("http://localhost:8080")
    }

    #[test]
    fn cookies_are_secure_exactly_over_https() {
        assert_eq!(
            secure().set(Session, "abc", None),
            "__Host-paylent_session=abc; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            plain().set(Browser, "abc", Some(60)),
            "paylent_browser=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(Cookies::new("HTTPS://acme.login.example"), secure());
        assert_eq!(Cookies::new("httpsx://acme"), plain());
        assert_eq!(Cookies::new("http://é"), plain());
    }

    #[test]
    fn a_cleared_cookie_has_the_attributes_of_the_one_it_removes() {
        assert_eq!(
            secure().clear(Session),
            "__Host-paylent_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        assert_eq!(plain().clear(Session), "paylent_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_read_among_others() {
        let header = "theme=dark; __Host-paylent_session=a_B-9;__Host-paylent_browser=b";
        assert_eq!(secure().read(Session, [header]), Some("a_B-9"));
        assert_eq!(secure().read(Browser, ["x=y", header]), Some("b"));
        assert_eq!(plain().read(Session, [header]), None);
        assert_eq!(secure().read(Session, []), None);
    }

    #[test]
    fn what_is_set_can_be_read() {
        let set = plain().set(Session, "pay_1-2", None);
        assert_eq!(plain().read(Session, [set.split(';').next().unwrap()]), Some("pay_1-2"));
    }

    #[test]
    fn a_cookie_without_the_prefix_does_not_count_over_https() {
        assert_eq!(secure().read(Session, ["paylent_session=evil; __Host-paylent_session=good"]), Some("good"));
        assert_eq!(secure().read(Session, ["paylent_session=evil"]), None);
        assert_eq!(secure().read(Session, ["__host-paylent_session=evil"]), None);
    }

    #[test]
    fn a_cookie_that_is_there_twice_counts_as_absent() {
        let twice = "__Host-paylent_session=a; __Host-paylent_session=b";
        assert_eq!(secure().read(Session, [twice]), None);
        assert_eq!(secure().read(Session, ["__Host-paylent_session=a", "__Host-paylent_session=a"]), None);
        assert_eq!(secure().read(Session, ["__Host-paylent_session=a; __Host-paylent_session"]), None);
        assert_eq!(secure().read(Session, ["__Host-paylent_session=a; __Host-paylent_session=\"a\""]), None);
    }

    #[test]
    fn values_that_we_never_write_are_refused() {
        let long = format!("__Host-paylent_session={}", "a".repeat(MAX_VALUE + 1));
        for header in [
            "__Host-paylent_session=",
            "__Host-paylent_session=\"a\"",
            "__Host-paylent_session=a%20b",
            "__Host-paylent_session=a=b",
            "__Host-paylent_session=a b",
            "__Host-paylent_session=é",
            "__Host-paylent_session\u{a0}=a",
            "__Host-paylent%5fsession=a",
            &long,
        ] {
            assert_eq!(secure().read(Session, [header]), None, "{header}");
        }
    }
}
