//! Where a link of a page may lead.

/// A path on this host or an http(s) URL; never `javascript:` or another scheme that runs code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Href<'a>(&'a str);

impl<'a> Href<'a> {
    /// Takes a path that starts with one slash, or an absolute `https:` or `http:` URL; anything else is none.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix('/');
        let path = rest.is_some_and(|rest| !rest.starts_with(['/', '\\']));
        let web = text.starts_with("https://") || text.starts_with("http://");
        // Browsers drop tabs and newlines inside URLs, so `/\t/evil.test` would name another host.
        let printable = !text.contains(|c: char| c.is_control() || c == ' ');
        (printable && (path || web)).then_some(Self(text))
    }

    pub(crate) const fn as_str(&self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_paths_of_this_host_or_to_the_web() {
        for good in ["/", "/help?x=1", "https://app.example/", "http://127.0.0.1:3000/"] {
            assert!(Href::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "//evil.test",
            "/\\evil.test",
            "/\t/evil.test",
            "\thttps://evil.test",
            "https:evil.test",
            "help",
        ] {
            assert!(Href::parse(bad).is_none(), "{bad}");
        }
    }
}
