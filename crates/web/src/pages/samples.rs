//! One of every page, for tests and for looking at them.

use super::*;

pub(crate) fn frame() -> Frame<'static> {
    Frame { language: Language::English, environment: Name("acme.login.example"), help: Href::parse("/help") }
}

fn form(action: &'static str) -> Form<'static> {
    Form { action, csrf: "token", handle: Some("sealed"), ui_locales: None }
}

fn account() -> Account<'static> {
    Account { name: Some(Name("Ada Lovelace")), email: Name("ada@example.test") }
}

pub(crate) fn sign_in() -> SignIn<'static> {
    SignIn {
        frame: frame(),
        form: form("/oauth/login"),
        return_to: None,
        client: Some(Name("Ledger Robot")),
        email: "",
        again: false,
        problem: None,
        forgot_password: None,
        register: None,
    }
}

pub(crate) fn register_email() -> RegisterEmail<'static> {
    RegisterEmail {
        frame: frame(),
        form: form("/register"),
        email: "",
        problem: None,
        sign_in: Href::parse("/login?handle=sealed"),
    }
}

pub(crate) fn register_code() -> RegisterCode<'static> {
    RegisterCode {
        frame: frame(),
        form: form("/register/verify"),
        resend: form("/register"),
        registration_id: "pay_ri_sample",
        email: "ada@example.test",
        problem: None,
        other_email: Href::parse("/register?handle=sealed"),
    }
}

pub(crate) fn register_person() -> RegisterPerson<'static> {
    RegisterPerson {
        frame: frame(),
        form: form("/register/complete"),
        registration_token: "pay_rg_sample",
        email: "ada@example.test",
        person: PersonFields {
            first_name: "",
            last_name: "",
            password_minimum: 8,
            problem: None,
            faults: PersonFaults::default(),
        },
    }
}

/// The pages of registration, in every state.
fn registration(frame: Frame<'static>) -> Vec<(&'static str, Html)> {
    let email = RegisterEmail { frame, ..register_email() };
    let code = RegisterCode { frame, ..register_code() };
    let person = RegisterPerson { frame, ..register_person() };
    let fresh = person.person;
    let again = |person| render(&RegisterPerson { person, frame, ..register_person() }).unwrap();
    let at_email = |problem| render(&RegisterEmail { problem: Some(problem), email: "ada@", ..email }).unwrap();
    let at_code = |problem| render(&RegisterCode { problem: Some(problem), ..code }).unwrap();
    let faults = PersonFaults { first_name: true, last_name: true, password: true, password_confirmation: true };
    let problem = Some(RegisterProblem::Fields);
    vec![
        ("register", render(&email).unwrap()),
        ("register-invalid", at_email(RegisterProblem::Fields)),
        ("register-over", at_email(RegisterProblem::Over)),
        ("register-taken", at_email(RegisterProblem::Taken)),
        ("register-stale", at_email(RegisterProblem::Stale)),
        ("register-too-many", at_email(RegisterProblem::TooMany { retry_after: 3_000 })),
        ("register-code", render(&code).unwrap()),
        ("register-code-malformed", at_code(RegisterProblem::Fields)),
        ("register-code-wrong", at_code(RegisterProblem::WrongCode)),
        ("register-code-too-many", at_code(RegisterProblem::TooMany { retry_after: 30 })),
        ("register-person", render(&person).unwrap()),
        ("register-person-faults", again(PersonFields { problem, faults, first_name: "Ada", ..fresh })),
        ("register-person-busy", again(PersonFields { problem: Some(RegisterProblem::Busy), ..fresh })),
        ("welcome", render(&Welcome { frame, account: Some(account()) }).unwrap()),
        ("register-closed", render(&RegisterClosed { frame }).unwrap()),
    ]
}

const fn scope(name: &'static str, description: Option<&'static str>, optional: bool) -> AskedScope<'static> {
    AskedScope { name, description, optional, new: true }
}

static SCOPES: [AskedScope<'static>; 7] = [
    scope("openid", None, false),
    scope("profile", None, false),
    scope("email", None, true),
    scope("offline_access", None, false),
    scope("invoices:read", Some("Read your invoices"), false),
    scope("invoices:write", Some("Make and change invoices"), true),
    scope("reports:read", None, false),
];

static SCOPES_AGAIN: [AskedScope<'static>; 3] = [
    AskedScope { new: false, ..scope("openid", None, false) },
    AskedScope { new: false, ..scope("invoices:read", Some("Read your invoices"), false) },
    scope("invoices:write", Some("Make and change invoices"), true),
];

pub(crate) fn consent() -> Consent<'static> {
    Consent {
        frame: frame(),
        form: form("/oauth/consent"),
        client: Name("Ledger Robot"),
        publisher: Some(Name("Acme Works")),
        party: None,
        account: account(),
        use_another: Href::parse("/oauth/login?another"),
        resource: Some(Name("Invoicing")),
        scopes: &SCOPES,
        redirect_host: "ledger.example",
        connections: None,
    }
}

pub(crate) fn consent_again() -> Consent<'static> {
    Consent {
        scopes: &SCOPES_AGAIN,
        party: Some(Party::Everyone(Name("Bakery"))),
        connections: Href::parse("/connections"),
        ..consent()
    }
}

pub(crate) fn choose_account() -> ChooseAccount<'static> {
    ChooseAccount {
        frame: frame(),
        form: form("/oauth/account"),
        client: Some(Name("Ledger Robot")),
        account: account(),
        use_another: Href::parse("/oauth/login?another"),
    }
}

pub(crate) fn choose_organization() -> ChooseOrganization<'static> {
    static ORGANIZATIONS: std::sync::LazyLock<[(String, Name<'static>); 2]> = std::sync::LazyLock::new(|| {
        let id = |number| format!("0192f0c1-0000-7000-8000-00000000000{number}");
        [(id(1), Name("Acme Works")), (id(2), LONG)]
    });
    ChooseOrganization {
        frame: frame(),
        form: form("/organization"),
        client: Name("Ledger Robot"),
        organizations: &*ORGANIZATIONS,
        optional: true,
    }
}

pub(crate) fn invitation() -> Invitation<'static> {
    Invitation {
        frame: frame(),
        accept: form("/invitations/1/accept"),
        decline: form("/invitations/1/decline"),
        organization: Name("Acme Works"),
        inviter: Some(Name("Ada Lovelace")),
        email: Name("grace@example.test"),
        way: Way::Member(account()),
    }
}

/// An invitation as each who looks at it sees it, and what becomes of it.
fn invitations(frame: Frame<'static>) -> Vec<(&'static str, Html)> {
    let faults = PersonFaults { first_name: true, last_name: true, password: true, password_confirmation: true };
    let newcomer = PersonFields { first_name: "Grace", last_name: "Hopper", ..register_person().person };
    let again = |problem| Way::Newcomer(PersonFields { problem: Some(problem), ..newcomer });
    let faulty = PersonFields { problem: Some(RegisterProblem::Fields), faults, ..newcomer };
    let sign_in = Href::parse("/login?return_to=%2Finvitations%2F1");
    let seen = |way| render(&Invitation { frame, way, ..invitation() }).unwrap();
    let outcome = |outcome| render(&InvitationOutcome { frame, outcome }).unwrap();
    vec![
        ("invitation", seen(Way::Member(account()))),
        ("invitation-sign-in", seen(Way::SignIn(sign_in))),
        ("invitation-switch", seen(Way::Switch(account(), sign_in))),
        ("invitation-new", seen(Way::Newcomer(newcomer))),
        ("invitation-new-faults", seen(Way::Newcomer(faulty))),
        ("invitation-new-stale", seen(again(RegisterProblem::Stale))),
        ("invitation-new-busy", seen(again(RegisterProblem::Busy))),
        (
            "invitation-long",
            render(&Invitation { frame, organization: LONG, inviter: Some(LONG), ..invitation() }).unwrap(),
        ),
        ("invitation-joined", outcome(Outcome::Joined(LONG))),
        ("invitation-declined", outcome(Outcome::Declined)),
        ("invitation-gone", outcome(Outcome::Gone)),
        ("invitation-not-yours", outcome(Outcome::NotYours)),
    ]
}

pub(crate) fn sign_out() -> SignOut<'static> {
    SignOut {
        frame: frame(),
        form: form("/oauth/logout"),
        client: Some(Name("Ledger Robot")),
        account: Some(account()),
    }
}

pub(crate) fn forgot_password() -> ForgotPassword<'static> {
    ForgotPassword { frame: frame(), form: form("/password/forgot"), email: "", problem: None }
}

pub(crate) fn new_password() -> NewPassword<'static> {
    let (token, email) = ("secret", "ada@example.test");
    NewPassword { frame: frame(), form: form("/password/reset"), token, email, problem: None }
}

/// The pages of forgotten passwords.
fn passwords(frame: Frame<'static>) -> Vec<(&'static str, Html)> {
    let forgot = ForgotPassword { frame, ..forgot_password() };
    let asked = |problem| render(&ForgotPassword { problem: Some(problem), email: "ada@", ..forgot }).unwrap();
    let new = NewPassword { frame, ..new_password() };
    let chosen = |problem| render(&NewPassword { problem: Some(problem), ..new }).unwrap();
    vec![
        ("forgot-password", render(&forgot).unwrap()),
        ("forgot-password-invalid", asked(ForgotProblem::Email)),
        ("forgot-password-stale", asked(ForgotProblem::Stale)),
        ("forgot-password-too-many", asked(ForgotProblem::TooMany { retry_after: 1_800 })),
        ("reset-sent", render(&ResetSent { frame }).unwrap()),
        ("reset-password", render(&new).unwrap()),
        ("reset-password-short", chosen(PasswordProblem::Short(8))),
        ("reset-password-unusable", chosen(PasswordProblem::Unusable)),
        ("reset-password-guessable", chosen(PasswordProblem::Guessable)),
        ("reset-password-different", chosen(PasswordProblem::Different)),
        ("reset-password-stale", chosen(PasswordProblem::Stale)),
        ("reset-password-busy", chosen(PasswordProblem::Busy)),
        ("reset-dead", render(&DeadLink { frame, again: Href::parse("/password/forgot") }).unwrap()),
        ("reset-done", render(&PasswordSet { frame, sign_in: Href::parse("/login?handle=sealed") }).unwrap()),
    ]
}

pub(crate) fn form_post() -> FormPost<'static> {
    FormPost {
        frame: frame(),
        client: Name("Ledger Robot"),
        destination: Destination::parse("https://ledger.example/cb?a=1&b=2").unwrap(),
        parameters: &[("code", "pay_ac_1"), ("state", "\"><script>"), ("iss", "https://acme.login.example")],
    }
}

pub(crate) fn fault() -> FaultPage<'static> {
    FaultPage {
        frame: frame(),
        fault: Fault::RedirectUri,
        code: "invalid_request",
        detail: Some("redirect_uri is not one of the client's redirect_uris"),
        request_id: "01JD4Z-request",
        at: "2026-11-23T05:10:00Z",
        back: Href::parse("/"),
    }
}

/// A long name with a mark that would turn around what follows it.
const LONG: Name<'_> =
    Name("מנהל החשבוניות \u{202e}of the Extraordinarily-Long-Winded-Bookkeeping-Federation <b>& Sons</b>");

/// Every page in every state worth seeing, with a name for each.
pub(crate) fn mailbox() -> Mailbox<'static> {
    Mailbox { frame: frame(), mails: &[] }
}

pub(crate) fn shown_mail() -> ShownMail<'static> {
    let link = "https://acme.login.example/password?token=a-very-long-secret-that-does-not-fit-into-a-line-of-a-phone";
    ShownMail {
        subject: Name("Choose a new password"),
        to: Name("ada@example.test"),
        at: "2026-11-23T05:10:00Z".to_owned(),
        text: "Hello,\n\nhttps://acme.login.example/password?token=a-very-long-secret-that-does-not-fit-into-a-line",
        links: Href::parse(link).into_iter().collect(),
    }
}

pub(crate) fn all(language: Language) -> Vec<(&'static str, Html)> {
    let frame = Frame { language, ..frame() };
    let sign_in = SignIn { frame, ..sign_in() };
    let with = |problem| render(&SignIn { problem: Some(problem), email: "ada@example.test", ..sign_in }).unwrap();
    let links = SignIn {
        forgot_password: Href::parse("/password"),
        register: Href::parse("/register"),
        again: true,
        email: "ada@example.test",
        ..sign_in
    };
    let fault = FaultPage { frame, ..fault() };
    let choose = ChooseAccount { frame, ..choose_account() };
    let sign_out = SignOut { frame, ..sign_out() };
    let unnamed = Account {
        name: None,
        email: Name("a.very.long.address.of.somebody@department.of.a.large.company.example.test"),
    };
    let long = Consent {
        frame,
        client: LONG,
        publisher: Some(LONG),
        party: Some(Party::Member(LONG)),
        account: unnamed,
        redirect_host: "an-extraordinarily-long-host-name.of.a.large.company.example",
        ..consent()
    };
    let here = SignIn { client: None, return_to: Some("/account"), ..sign_in };
    let mut pages = account::samples::all(frame);
    pages.extend(vec![
        ("sign-in", render(&sign_in).unwrap()),
        ("sign-in-here", render(&here).unwrap()),
        ("sign-in-links", render(&links).unwrap()),
        ("sign-in-mismatch", with(SignInProblem::Mismatch)),
        ("sign-in-missing", with(SignInProblem::Missing { email: true, password: true })),
        ("sign-in-stale", with(SignInProblem::Stale)),
        ("sign-in-too-many", with(SignInProblem::TooMany { retry_after: 240 })),
        ("sign-in-busy", with(SignInProblem::Busy)),
        ("consent", render(&Consent { frame, ..consent() }).unwrap()),
        ("consent-again", render(&Consent { frame, ..consent_again() }).unwrap()),
        ("consent-long", render(&long).unwrap()),
        ("choose-account", render(&choose).unwrap()),
        ("choose-organization", render(&ChooseOrganization { frame, ..choose_organization() }).unwrap()),
        ("sign-out", render(&sign_out).unwrap()),
        ("signed-out", render(&SignedOut { frame, sign_in: Href::parse("/login") }).unwrap()),
        ("stayed", render(&Stayed { frame, account: Some(account()) }).unwrap()),
        ("form-post", render(&FormPost { frame, ..form_post() }).unwrap()),
        ("mailbox", render(&Mailbox { frame, mails: &[shown_mail(), shown_mail()] }).unwrap()),
        ("mailbox-empty", render(&Mailbox { frame, ..mailbox() }).unwrap()),
        ("fault", render(&fault).unwrap()),
        (
            "fault-too-many",
            render(&FaultPage { fault: Fault::TooMany { retry_after: 30 }, detail: None, ..fault }).unwrap(),
        ),
    ]);
    pages.extend(invitations(frame));
    pages.extend(registration(frame));
    pages.extend(connections::samples::all(frame));
    pages.extend(passwords(frame));
    pages
}
