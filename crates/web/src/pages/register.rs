//! The pages of registration: the address, the code, the person, and the welcome.

use askama::Template;

use super::{
    Account, Form, Frame, Href, Name, Page, PersonFields, Policy,
    name::{Sentence, fill},
    texts::{Register, register},
};

/// Why a step of registration did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterProblem {
    /// What was typed breaks a rule; the fields say which.
    Fields,
    /// The code is not right, or not good any more.
    WrongCode,
    /// The registration is over: too late, used up, or never begun.
    Over,
    /// The address has an account by now.
    Taken,
    /// The form was too old or not from this browser; nothing was done.
    Stale,
    /// Too many attempts (429).
    TooMany {
        /// Seconds until the next attempt is worth while, as in `Retry-After`.
        retry_after: u32,
    },
    /// No capacity right now (503).
    Busy,
}

impl RegisterProblem {
    /// What is said of it, where no field says it better.
    pub(super) const fn sentence(self, frame: &Frame<'_>) -> Option<&'static str> {
        let texts = register(frame.language);
        match self {
            Self::Fields | Self::TooMany { .. } => None,
            Self::WrongCode => Some(texts.wrong_code),
            Self::Over => Some(texts.over),
            Self::Taken => Some(texts.taken),
            Self::Stale => Some(frame.texts().stale),
            Self::Busy => Some(texts.busy),
        }
    }

    /// When to try again, after too many attempts.
    pub(super) fn wait(self, frame: &Frame<'_>) -> Option<Sentence<u32>> {
        match self {
            Self::TooMany { retry_after } => Some(frame.wait(retry_after)),
            _ => None,
        }
    }
}

/// Asks for an e-mail address: input `email`.
#[derive(Debug, Template)]
#[template(path = "register_email.html")]
pub struct RegisterEmail<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// What was typed before.
    pub email: &'a str,
    /// Why the last attempt did not succeed.
    pub problem: Option<RegisterProblem>,
    /// Where somebody signs in who has an account.
    pub sign_in: Option<Href<'a>>,
}

/// Asks for the code that was mailed: input `passcode`. Below it, a form that has another one sent.
#[derive(Debug, Template)]
#[template(path = "register_code.html")]
pub struct RegisterCode<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where the code is posted to.
    pub form: Form<'a>,
    /// Where a new code is asked for.
    pub resend: Form<'a>,
    /// The id of the registration.
    pub registration_id: &'a str,
    /// Where the mail went.
    pub email: &'a str,
    /// Why the last attempt did not succeed.
    pub problem: Option<RegisterProblem>,
    /// Where one begins again with another address.
    pub other_email: Option<Href<'a>>,
}

/// Asks for name and password.
#[derive(Debug, Template)]
#[template(path = "register_person.html")]
pub struct RegisterPerson<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// Shows that the address is proved.
    pub registration_token: &'a str,
    /// The address.
    pub email: &'a str,
    /// What is asked.
    pub person: PersonFields<'a>,
}

/// Says that the account is there and its person signed in.
#[derive(Debug, Template)]
#[template(path = "registered.html")]
pub struct Welcome<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The account that is signed in.
    pub account: Option<Account<'a>>,
}

/// Says that nobody can register here.
#[derive(Debug, Template)]
#[template(path = "register_closed.html")]
pub struct RegisterClosed<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
}

impl RegisterEmail<'_> {
    const fn texts(&self) -> &'static Register {
        register(self.frame.language)
    }

    fn invalid(&self) -> bool {
        self.problem == Some(RegisterProblem::Fields)
    }

    /// The fields at fault, with what is wrong.
    fn faulty(&self) -> [(&'static str, &'static str); 1] {
        [("email", self.texts().email_invalid)]
    }
}

impl RegisterCode<'_> {
    const fn texts(&self) -> &'static Register {
        register(self.frame.language)
    }

    fn malformed(&self) -> bool {
        self.problem == Some(RegisterProblem::Fields)
    }

    /// The fields at fault, with what is wrong.
    fn faulty(&self) -> [(&'static str, &'static str); 1] {
        [("passcode", self.texts().code_malformed)]
    }

    fn wrong(&self) -> bool {
        self.problem == Some(RegisterProblem::WrongCode)
    }
}

impl RegisterPerson<'_> {
    const fn texts(&self) -> &'static Register {
        register(self.frame.language)
    }

    /// The fields at fault, with what is wrong.
    fn faulty(&self) -> Vec<(&'static str, Sentence<usize>)> {
        self.person.faulty(self.texts())
    }
}

impl Welcome<'_> {
    const fn texts(&self) -> &'static Register {
        register(self.frame.language)
    }
}

impl RegisterClosed<'_> {
    const fn texts(&self) -> &'static Register {
        register(self.frame.language)
    }
}

macro_rules! pages {
    ($($page:ident: $policy:ident,)+) => {$(
        impl Page for $page<'_> {
            const POLICY: Policy = Policy::$policy;

            fn frame(&self) -> &Frame<'_> {
                &self.frame
            }
        }
    )+};
}

pages! {
    RegisterEmail: MayLeave,
    RegisterCode: MayLeave,
    RegisterPerson: MayLeave,
    Welcome: Stays,
    RegisterClosed: Stays,
}

#[cfg(test)]
mod tests {
    use super::{
        super::{PersonFaults, render, samples},
        *,
    };

    #[test]
    fn the_code_goes_into_one_field_that_browsers_can_fill() {
        let html = render(&samples::register_code()).unwrap().body;
        assert_eq!(html.matches("name=\"passcode\"").count(), 1);
        assert!(html.contains(r#"autocomplete="one-time-code""#) && html.contains(r#"inputmode="numeric""#));
        assert!(html.contains(r#"name="registration_id" value="pay_ri_sample""#));
        assert!(html.contains("ada@example.test") && html.contains(r#"href="/register?handle=sealed""#));
    }

    #[test]
    fn ot_leak_the_page_after_a_wrong_code_does_not_repeat_it() {
        let page = RegisterCode { problem: Some(RegisterProblem::WrongCode), ..samples::register_code() };
        let html = render(&page).unwrap().body;
        assert!(html.contains(r#"role="alert""#) && html.contains(r#"aria-invalid="true""#));
        assert!(!html.contains("id=\"passcode\" name=\"passcode\" value="));
    }

    #[test]
    fn each_fault_is_named_and_described_at_its_field() {
        let faults = PersonFaults { last_name: true, password_confirmation: true, ..PersonFaults::default() };
        let page = samples::register_person();
        let person = PersonFields { problem: Some(RegisterProblem::Fields), faults, ..page.person };
        let page = RegisterPerson { person, ..page };
        let html = render(&page).unwrap().body;
        assert_eq!(html.matches(r#"aria-invalid="true""#).count(), 2);
        for field in ["last_name", "password_confirmation"] {
            assert!(
                html.contains(&format!("<a href=\"#{field}\">")) && html.contains(&format!("id=\"{field}-error\""))
            );
        }
        assert!(!html.contains("id=\"first_name-error\"") && !html.contains("id=\"password-error\""));
    }
}
