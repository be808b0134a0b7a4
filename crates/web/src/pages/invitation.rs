//! An invitation into an organization, and what became of it.

use askama::Template;

use super::{
    Account, Form, Frame, Href, Name, Page, PersonFields, Policy,
    name::{Sentence, fill},
    texts::{
        Register,
        organizations::{Organizations, organizations},
        register,
    },
};

/// Shows who invites whom into which organization, and asks for an answer.
#[derive(Debug, Template)]
#[template(path = "invitation.html")]
pub struct Invitation<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is accepted.
    pub accept: Form<'a>,
    /// Where it is declined.
    pub decline: Form<'a>,
    /// The organization's name.
    pub organization: Name<'a>,
    /// Who invites; none for a program.
    pub inviter: Option<Name<'a>>,
    /// Whom it is for.
    pub email: Name<'a>,
    /// How it can be accepted by whoever looks at it.
    pub way: Way<'a>,
}

/// How an invitation can be accepted by whoever looks at it.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// The person is signed in.
    Member(Account<'a>),
    /// The address has an account: sign in at this link.
    SignIn(Option<Href<'a>>),
    /// Somebody else is signed in: sign in with the other account at this link.
    Switch(Account<'a>, Option<Href<'a>>),
    /// The address has no account: make one.
    Newcomer(PersonFields<'a>),
}

impl Invitation<'_> {
    const fn words(&self) -> &'static Organizations {
        organizations(self.frame.language)
    }

    const fn texts(&self) -> &'static Register {
        register(self.frame.language)
    }

    /// The fields at fault, with what is wrong.
    fn faulty(&self) -> Vec<(&'static str, Sentence<usize>)> {
        match &self.way {
            Way::Newcomer(person) => person.faulty(self.texts()),
            Way::Member(_) | Way::SignIn(_) | Way::Switch(..) => Vec::new(),
        }
    }
}

impl Page for Invitation<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

/// What became of an invitation.
#[derive(Debug, Template)]
#[template(path = "invitation_outcome.html")]
pub struct InvitationOutcome<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What.
    pub outcome: Outcome<'a>,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The person belongs to this organization now.
    Joined(Name<'a>),
    /// It was declined.
    Declined,
    /// It cannot be answered: it was answered or taken back, has expired, or who invited cannot do so any more.
    Gone,
    /// Whoever is signed in has another address, or has not verified it.
    NotYours,
}

impl InvitationOutcome<'_> {
    const fn words(&self) -> &'static Organizations {
        organizations(self.frame.language)
    }
}

impl Page for InvitationOutcome<'_> {
    const POLICY: Policy = Policy::Stays;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{PersonFaults, RegisterProblem, render, samples},
        *,
    };

    #[test]
    fn the_page_says_who_invites_whom_into_what() {
        let html = render(&samples::invitation()).unwrap().body;
        for text in ["Ada Lovelace", "Acme Works", "grace@example.test"] {
            assert!(html.contains(text), "{text}");
        }
        assert_eq!(html.matches(r#"<form method="post""#).count(), 2);
        assert_eq!(html.matches(r#"name="csrf""#).count(), 2);
    }

    #[test]
    fn somebody_new_fills_in_a_form_and_hears_what_is_wrong_with_it() {
        let faults =
            PersonFaults { first_name: true, password: true, password_confirmation: true, ..PersonFaults::default() };
        let problem = Some(RegisterProblem::Fields);
        let person = PersonFields { first_name: "\"><b>", problem, faults, ..samples::register_person().person };
        let html = render(&Invitation { way: Way::Newcomer(person), ..samples::invitation() }).unwrap().body;
        for field in ["first_name", "last_name", "password", "password_confirmation"] {
            assert!(html.contains(&format!(r#"name="{field}""#)), "{field}");
        }
        assert!(html.contains(r#"role="alert""#) && html.contains(r##"href="#first_name""##));
        assert_eq!(html.matches(r#"aria-invalid="true""#).count(), 3);
        assert!(html.contains("8 characters") && !html.contains("<b>"));
        assert!(!html.contains(r#"type="password" value"#));
    }

    #[test]
    fn who_has_an_account_signs_in_with_it_first() {
        let sign_in = Href::parse("/login?return_to=%2Finvitations%2F1");
        let html = render(&Invitation { way: Way::SignIn(sign_in), ..samples::invitation() }).unwrap().body;
        assert!(html.contains(r#"href="/login?return_to=%2Finvitations%2F1""#));
        assert_eq!(html.matches(r#"<form method="post""#).count(), 1, "declining needs no account");
    }
}
