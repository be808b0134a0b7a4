//! Whether a form was posted from our own page: a token bound to the browser, and what the browser says of its origin.

use std::fmt::Write;

use subtle::ConstantTimeEq;

/// The form a token is for; a token of one form is worth nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in.
    SignIn,
    /// Deciding about consent.
    Consent,
    /// Choosing an account.
    ChooseAccount,
    /// Choosing an organization.
    ChooseOrganization,
    /// Answering an invitation.
    AnswerInvitation,
    /// Signing out.
    SignOut,
    /// Registering.
    Register,
    /// Changing name and language.
    Profile,
    /// Asking for another e-mail address.
    Email,
    /// Confirming an e-mail address.
    ConfirmEmail,
    /// Changing the password.
    Password,
    /// Ending sessions.
    Sessions,
    /// Taking access from an application.
    Applications,
    /// Leaving an organization.
    Organizations,
    /// Making an application of an organization.
    NewApplication,
    /// Changing an application, its secret and its tokens.
    Application,
    /// Deleting an application.
    ApplicationDeletion,
    /// Changing or ending a connection.
    Connection,
    /// Deleting the account.
    Deletion,
    /// Asking for a link to choose another password.
    ForgotPassword,
    /// Choosing another password by such a link.
    ResetPassword,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Consent => "consent",
            Self::ChooseAccount => "choose_account",
            Self::ChooseOrganization => "choose_organization",
            Self::AnswerInvitation => "answer_invitation",
            Self::SignOut => "sign_out",
            Self::Register => "register",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::ConfirmEmail => "confirm_email",
            Self::Password => "password",
            Self::Sessions => "sessions",
            Self::Applications => "applications",
            Self::Organizations => "organizations",
            Self::NewApplication => "new_application",
            Self::Application => "application",
            Self::ApplicationDeletion => "application_deletion",
            Self::Connection => "connection",
            Self::Deletion => "deletion",
            Self::ForgotPassword => "forgot_password",
            Self::ResetPassword => "reset_password",
        }
    }
}

/// Whom a token belongs to: cookie values, or hashes of them.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The browser.
    pub browser: &'a str,
    /// Its session, when someone is signed in; a token from before a sign-in is dead after it.
    pub session: Option<&'a str>,
}

/// The token for a form: 64 hex digits of `mac`, which is HMAC-SHA-256 under a key of the server.
#[must_use]
pub fn token(mac: impl Fn(&[u8]) -> [u8; 32], holder: Holder<'_>, purpose: Purpose) -> String {
    digits(mac, &["csrf", purpose.name(), holder.browser, holder.session.unwrap_or_default()])
}

/// What vouches for the id of that which a form will make: whoever holds the form got the id with it.
#[must_use]
pub fn voucher(mac: impl Fn(&[u8]) -> [u8; 32], holder: Holder<'_>, id: &str) -> String {
    // No form's purpose: a token of a form vouches for nothing.
    digits(mac, &["csrf", "made", holder.browser, holder.session.unwrap_or_default(), id])
}

/// Whether this vouches for the id, compared in constant time.
#[must_use]
pub fn vouches(mac: impl Fn(&[u8]) -> [u8; 32], holder: Holder<'_>, id: &str, presented: &str) -> bool {
    voucher(mac, holder, id).as_bytes().ct_eq(presented.as_bytes()).into()
}

fn digits(mac: impl Fn(&[u8]) -> [u8; 32], parts: &[&str]) -> String {
    // With their lengths, so that no two lists of parts make the same message.
    let message = parts.iter().fold(Vec::new(), |mut message, part| {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
        message
    });
    mac(&message).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether a form brought the token it was given, compared in constant time.
#[must_use]
pub fn matches(mac: impl Fn(&[u8]) -> [u8; 32], holder: Holder<'_>, purpose: Purpose, presented: &str) -> bool {
    token(mac, holder, purpose).as_bytes().ct_eq(presented.as_bytes()).into()
}

/// Whether the headers of a POST leave room for it to have come from our own page.
///
/// `own` is the origin of the base URL, such as `https://acme.login.example`. `Sec-Fetch-Site`, where the browser sends
/// it, must say `same-origin` (or `none`: the person reloaded). `Origin`, where it names one, must be `own`. It is `null`
/// on every form of ours, because the pages say `Referrer-Policy: no-referrer`; a sandboxed frame says `null` too, so
/// this is a second line behind the token and never instead of it.
#[must_use]
pub fn is_from_here(own: &str, origin: Option<&str>, sec_fetch_site: Option<&str>) -> bool {
    let site = matches!(sec_fetch_site, None | Some("same-origin" | "none"));
    let origin = origin.is_none_or(|origin| origin == "null" || origin == own);
    site && origin
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for HMAC: any function whose value depends on every byte.
    fn mac(message: &[u8]) -> [u8; 32] {
        let mut state = [7u8; 32];
        for (index, byte) in message.iter().enumerate() {
            for (place, cell) in state.iter_mut().enumerate() {
                *cell = cell.wrapping_mul(31).wrapping_add(*byte ^ (index * 13 + place * 7) as u8);
            }
        }
        state
    }

    const ADA: Holder<'_> = Holder { browser: "browser", session: Some("session") };

    #[test]
    fn a_token_is_accepted_in_the_form_it_was_made_for() {
        let token = token(mac, ADA, Purpose::Consent);
        assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(matches(mac, ADA, Purpose::Consent, &token));
    }

    #[test]
    fn a_token_of_another_form_browser_session_or_server_is_refused() {
        let token = token(mac, ADA, Purpose::Consent);
        for purpose in [
            Purpose::SignIn,
            Purpose::ChooseAccount,
            Purpose::ChooseOrganization,
            Purpose::AnswerInvitation,
            Purpose::SignOut,
        ] {
            assert!(!matches(mac, ADA, purpose, &token));
        }
        for holder in [
            Holder { browser: "other", ..ADA },
            Holder { session: Some("other"), ..ADA },
            Holder { session: None, ..ADA },
            Holder { browser: "browsers", session: Some("ession") },
        ] {
            assert!(!matches(mac, holder, Purpose::Consent, &token), "{holder:?}");
        }
        assert!(!matches(|_| [0; 32], ADA, Purpose::Consent, &token));
    }

    #[test]
    fn a_voucher_is_good_for_one_id_in_one_session_and_for_no_form() {
        let voucher = voucher(mac, ADA, "id");
        assert!(vouches(mac, ADA, "id", &voucher));
        assert!(!vouches(mac, ADA, "other", &voucher) && !vouches(mac, ADA, "", &voucher));
        for holder in [Holder { browser: "other", ..ADA }, Holder { session: Some("other"), ..ADA }] {
            assert!(!vouches(mac, holder, "id", &voucher), "{holder:?}");
        }
        for purpose in [Purpose::NewApplication, Purpose::Application] {
            assert!(!matches(mac, ADA, purpose, &voucher) && !vouches(mac, ADA, "id", &token(mac, ADA, purpose)));
        }
    }

    #[test]
    fn a_missing_shortened_or_altered_token_is_refused() {
        let token = token(mac, ADA, Purpose::SignIn);
        let altered = format!("{}{}", &token[..63], if token.ends_with('0') { '1' } else { '0' });
        for presented in ["", &token[..63], &format!("{token}0"), &altered, &token.to_uppercase()] {
            assert!(!matches(mac, ADA, Purpose::SignIn, presented), "{presented}");
        }
    }

    #[test]
    fn posts_from_elsewhere_are_told_by_their_headers() {
        let own = "https://acme.login.example";
        for (origin, site) in [
            (None, None),
            (Some("null"), Some("same-origin")),
            (Some(own), Some("same-origin")),
            (Some(own), None),
            (None, Some("none")),
        ] {
            assert!(is_from_here(own, origin, site), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (Some("https://evil.test"), None),
            (Some("https://evil.test"), Some("same-origin")),
            (Some("https://acme.login.example.evil.test"), None),
            (Some("http://acme.login.example"), None),
            (Some("null"), Some("cross-site")),
            (Some(own), Some("same-site")),
            (None, Some("Same-Origin")),
        ] {
            assert!(!is_from_here(own, origin, site), "{origin:?} {site:?}");
        }
    }
}
