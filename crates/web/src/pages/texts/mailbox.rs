//! The texts of the development mailbox.

use super::Language;

#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct MailboxTexts {
    pub(crate) title: &'static str,
    pub(crate) note: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) to: &'static str,
}

pub(crate) const fn of(language: Language) -> &'static MailboxTexts {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

const ENGLISH: MailboxTexts = MailboxTexts {
    title: "Mailbox",
    note: "These mails went nowhere: this server is for development.",
    empty: "There is no mail.",
    to: "To",
};

const DUTCH: MailboxTexts = MailboxTexts {
    title: "Postvak",
    note: "Deze e-mails zijn nergens heen gegaan: deze server is voor ontwikkeling.",
    empty: "Er is geen e-mail.",
    to: "Aan",
};

const GERMAN: MailboxTexts = MailboxTexts {
    title: "Postfach",
    note: "Diese E-Mails gingen nirgendwohin: Dieser Server dient der Entwicklung.",
    empty: "Es gibt keine E-Mail.",
    to: "An",
};

#[cfg(test)]
#[test]
fn every_language_has_every_text() {
    super::tests::check_tables(of, &[]);
}
