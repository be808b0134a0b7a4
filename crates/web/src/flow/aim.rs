//! What a sign-in leads to.

use paylent_oauth::Login;

use super::visit::Fields;

/// What a sign-in leads to.
pub(super) enum Aim {
    /// The authorization request that sent the person.
    Request(Login),
    /// A page of ours, for somebody who came by themselves.
    Page(ReturnTo),
}

/// A path of ours that signing in may lead to: the account pages, invitations to answer, and what organizations connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReturnTo(String);

impl ReturnTo {
    /// What `return_to` says, if that is a page of the list, and the account otherwise.
    pub(super) fn of(fields: &Fields) -> Self {
        fields.one("return_to").and_then(Self::parse).unwrap_or_else(|| Self("/account".to_owned()))
    }

    /// A path of the list, with or without a query. No dots, no escapes, no empty segments: it means what it says.
    fn parse(text: &str) -> Option<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let known = path == "/account"
            || ["/account/", "/invitations/", "/organizations/"].iter().any(|start| path.starts_with(start));
        let segments = path.split('/').skip(1).all(|segment| !segment.is_empty() && segment.chars().all(plain));
        let query = query.chars().all(|c| plain(c) || "=&".contains(c));
        (known && segments && query && text.len() <= 500).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_list_are_returned_to() {
        for good in [
            "/account",
            "/account/sessions",
            "/organizations/0193-ab/connections",
            "/invitations/0193-ab",
            "/invitations/x?token=pay_x-1&a=b",
        ] {
            assert_eq!(ReturnTo::parse(good).map(|path| path.0).as_deref(), Some(good));
        }
        for bad in [
            "",
            "/",
            "account",
            "/accounts",
            "/account/",
            "/account//evil.test",
            "//evil.test/account",
            "/\\evil.test/account/",
            "/account/../oauth/logout",
            "/account/%2e%2e/x",
            "/account/email?x=%0a",
            "/account\r\nLocation: x",
            "https://evil.test/account",
            "/oauth/authorize",
            "/invitations",
            "/organizations",
            "/organizations//evil.test",
        ] {
            assert_eq!(ReturnTo::parse(bad), None, "{bad}");
        }
    }
}
