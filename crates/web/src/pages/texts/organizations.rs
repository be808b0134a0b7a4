//! The texts about organizations: choosing one, and being invited into one.

use super::Language;

/// The texts of one language; the fields are named after what they say in English.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Organizations {
    pub(crate) choose: &'static str,
    pub(crate) continue_for: &'static str,
    pub(crate) as_yourself: &'static str,
    pub(crate) invitation: &'static str,
    pub(crate) join: &'static str,
    pub(crate) invited_by: &'static str,
    pub(crate) invited_address: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) accept_new: &'static str,
    pub(crate) decline: &'static str,
    pub(crate) has_account: &'static str,
    pub(crate) for_another: &'static str,
    pub(crate) joined: &'static str,
    pub(crate) joined_note: &'static str,
    pub(crate) declined: &'static str,
    pub(crate) declined_note: &'static str,
    pub(crate) gone: &'static str,
    pub(crate) gone_note: &'static str,
    pub(crate) not_yours: &'static str,
    pub(crate) not_yours_note: &'static str,
}

/// The texts of a language.
pub(crate) const fn organizations(language: Language) -> &'static Organizations {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

static ENGLISH: Organizations = Organizations {
    choose: "Choose an organization",
    continue_for: "Continue for",
    as_yourself: "Continue as yourself",
    invitation: "You are invited",
    join: "Join {}",
    invited_by: "Invited by",
    invited_address: "For",
    accept: "Accept invitation",
    accept_new: "Create account and accept",
    decline: "Decline",
    has_account: "You have an account with this address. Sign in with it to accept.",
    for_another: "The invitation is for another address. Sign in with that account to accept.",
    joined: "Welcome",
    joined_note: "You belong to {} now. You can close this page.",
    declined: "Declined",
    declined_note: "You have not joined. You can close this page.",
    gone: "This invitation can no longer be used",
    gone_note: "It was answered already, taken back, or has expired. Ask for a new one.",
    not_yours: "This invitation is for another address",
    not_yours_note: "Open the link in the mail again, signed in with the address that was invited.",
};

static DUTCH: Organizations = Organizations {
    choose: "Kies een organisatie",
    continue_for: "Doorgaan voor",
    as_yourself: "Doorgaan als uzelf",
    invitation: "U bent uitgenodigd",
    join: "Lid worden van {}",
    invited_by: "Uitgenodigd door",
    invited_address: "Voor",
    accept: "Uitnodiging accepteren",
    accept_new: "Account aanmaken en accepteren",
    decline: "Afslaan",
    has_account: "U hebt een account met dit adres. Meld u daarmee aan om te accepteren.",
    for_another: "De uitnodiging is voor een ander adres. Meld u met dat account aan om te accepteren.",
    joined: "Welkom",
    joined_note: "U hoort nu bij {}. U kunt deze pagina sluiten.",
    declined: "Afgeslagen",
    declined_note: "U bent geen lid geworden. U kunt deze pagina sluiten.",
    gone: "Deze uitnodiging kan niet meer worden gebruikt",
    gone_note: "Ze is al beantwoord, ingetrokken of verlopen. Vraag om een nieuwe.",
    not_yours: "Deze uitnodiging is voor een ander adres",
    not_yours_note: "Open de link in de mail opnieuw, aangemeld met het adres dat is uitgenodigd.",
};

static GERMAN: Organizations = Organizations {
    choose: "Organisation auswählen",
    continue_for: "Weiter für",
    as_yourself: "Als Sie selbst fortfahren",
    invitation: "Sie sind eingeladen",
    join: "Beitreten: {}",
    invited_by: "Eingeladen von",
    invited_address: "Für",
    accept: "Einladung annehmen",
    accept_new: "Konto anlegen und annehmen",
    decline: "Ablehnen",
    has_account: "Sie haben ein Konto mit dieser Adresse. Melden Sie sich damit an, um anzunehmen.",
    for_another: "Die Einladung gilt für eine andere Adresse. Melden Sie sich mit jenem Konto an, um anzunehmen.",
    joined: "Willkommen",
    joined_note: "Sie gehören jetzt zu {}. Sie können diese Seite schließen.",
    declined: "Abgelehnt",
    declined_note: "Sie sind nicht beigetreten. Sie können diese Seite schließen.",
    gone: "Diese Einladung kann nicht mehr verwendet werden",
    gone_note: "Sie wurde bereits beantwortet, zurückgezogen oder ist abgelaufen. Bitten Sie um eine neue.",
    not_yours: "Diese Einladung gilt für eine andere Adresse",
    not_yours_note: "Öffnen Sie den Link in der Mail noch einmal, angemeldet mit der eingeladenen Adresse.",
};

#[cfg(test)]
#[test]
fn every_language_has_every_text() {
    super::tests::check_tables(organizations, &[]);
}
