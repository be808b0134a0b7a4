//! The headers that keep a page from being framed, cached, sniffed or made to run foreign code.

/// Which Content-Security-Policy a page gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The page has no form.
    Stays,
    /// The forms of the page are posted here and lead nowhere else.
    Returns,
    /// A form of the page may end in a redirect to a client. Chromium checks `form-action` against every redirect after
    /// a POST and blocks silently, and the target may be any https host, a loopback port or an app's own scheme; so
    /// these pages have no `form-action` at all.
    MayLeave,
}

impl Policy {
    /// The value of `Content-Security-Policy`.
    #[must_use]
    pub const fn content_security_policy(self) -> &'static str {
        match self {
            Self::Stays => STAYS,
            Self::Returns => RETURNS,
            Self::MayLeave => MAY_LEAVE,
        }
    }
}

const MAY_LEAVE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; \
                         base-uri 'none'; frame-ancestors 'none'";

const STAYS: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; \
                     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const RETURNS: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; \
                       base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every answer of the flow carries: pages, redirects and errors.
///
/// There is no `Cross-Origin-Opener-Policy`: client libraries open the sign-in page as a popup and need `window.opener`.
pub const COMMON: [(&str, &str); 5] = [
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_allows_inline_code_eval_or_every_host() {
        for policy in [Policy::Stays, Policy::Returns, Policy::MayLeave] {
            let text = policy.content_security_policy();
            assert!(!text.contains("unsafe") && !text.contains('*'), "{text}");
            for directive in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(text.split("; ").any(|part| part == directive), "{directive} in {text}");
            }
        }
    }

    #[test]
    fn only_pages_that_cannot_leave_restrict_where_forms_go() {
        assert!(STAYS.contains("form-action 'none'"));
        assert!(RETURNS.contains("form-action 'self'"));
        assert!(!MAY_LEAVE.contains("form-action"));
    }
}
