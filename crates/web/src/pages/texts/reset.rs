//! The texts of forgotten passwords.

use super::Language;

/// The texts of one language; the fields are named after what they say in English.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Reset {
    pub(crate) forgot: &'static str,
    pub(crate) forgot_note: &'static str,
    pub(crate) send: &'static str,
    pub(crate) not_sent: &'static str,
    pub(crate) email_invalid: &'static str,
    pub(crate) sent: &'static str,
    pub(crate) sent_note: &'static str,
    pub(crate) choose: &'static str,
    pub(crate) choose_note: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) repeat: &'static str,
    pub(crate) save: &'static str,
    pub(crate) not_saved: &'static str,
    pub(crate) too_short: &'static str,
    pub(crate) unusable: &'static str,
    pub(crate) guessable: &'static str,
    pub(crate) different: &'static str,
    pub(crate) dead: &'static str,
    pub(crate) dead_note: &'static str,
    pub(crate) ask_again: &'static str,
    pub(crate) done: &'static str,
    pub(crate) done_note: &'static str,
}

/// The texts of a language.
pub(crate) const fn reset(language: Language) -> &'static Reset {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

static ENGLISH: Reset = Reset {
    forgot: "Forgot your password?",
    forgot_note: "Enter your e-mail address. We send you a link with which you choose a new password.",
    send: "Send the link",
    not_sent: "Nothing was sent",
    email_invalid: "Enter an e-mail address such as jane@example.com.",
    sent: "Look into your mail",
    sent_note: "If there is an account with this address, a mail is on its way. Its link is good for one hour.",
    choose: "Choose a new password",
    choose_note: "A few words that do not belong together are easy to remember and hard to guess. You will be signed out everywhere.",
    new_password: "New password",
    repeat: "New password, once more",
    save: "Save the password",
    not_saved: "The password was not saved",
    too_short: "Take at least {} characters.",
    unusable: "Take at most 128 characters, without control characters.",
    guessable: "This password is guessed too easily. Choose one that others do not have and that is not your name.",
    different: "The two passwords are not the same.",
    dead: "This link is not good any more",
    dead_note: "It was used, or it is older than an hour. You can ask for another one.",
    ask_again: "Ask for another link",
    done: "Your password is saved",
    done_note: "You can sign in with it now. You were signed out everywhere.",
};

static DUTCH: Reset = Reset {
    forgot: "Wachtwoord vergeten?",
    forgot_note: "Vul uw e-mailadres in. We sturen u een link waarmee u een nieuw wachtwoord kiest.",
    send: "Stuur de link",
    not_sent: "Er is niets verstuurd",
    email_invalid: "Vul een e-mailadres in zoals jane@example.com.",
    sent: "Kijk in uw e-mail",
    sent_note: "Als er een account met dit adres is, is er een e-mail onderweg. De link is een uur geldig.",
    choose: "Kies een nieuw wachtwoord",
    choose_note: "Een paar woorden die niet bij elkaar horen zijn makkelijk te onthouden en moeilijk te raden. U wordt overal afgemeld.",
    new_password: "Nieuw wachtwoord",
    repeat: "Nieuw wachtwoord, nog een keer",
    save: "Bewaar het wachtwoord",
    not_saved: "Het wachtwoord is niet bewaard",
    too_short: "Gebruik minstens {} tekens.",
    unusable: "Gebruik hoogstens 128 tekens, zonder stuurtekens.",
    guessable: "Dit wachtwoord is te makkelijk te raden. Kies er een dat anderen niet hebben en dat niet uw naam is.",
    different: "De twee wachtwoorden zijn niet gelijk.",
    dead: "Deze link is niet meer geldig",
    dead_note: "Hij is al gebruikt of ouder dan een uur. U kunt een nieuwe aanvragen.",
    ask_again: "Vraag een nieuwe link aan",
    done: "Uw wachtwoord is bewaard",
    done_note: "U kunt er nu mee inloggen. U bent overal afgemeld.",
};

static GERMAN: Reset = Reset {
    forgot: "Passwort vergessen?",
    forgot_note: "Geben Sie Ihre E-Mail-Adresse ein. Wir schicken Ihnen einen Link, mit dem Sie ein neues Passwort wählen.",
    send: "Link schicken",
    not_sent: "Es wurde nichts verschickt",
    email_invalid: "Geben Sie eine E-Mail-Adresse wie jane@example.com ein.",
    sent: "Sehen Sie in Ihre E-Mails",
    sent_note: "Wenn es ein Konto mit dieser Adresse gibt, ist eine E-Mail unterwegs. Ihr Link gilt eine Stunde.",
    choose: "Wählen Sie ein neues Passwort",
    choose_note: "Ein paar Wörter, die nicht zusammengehören, sind leicht zu merken und schwer zu erraten. Sie werden überall abgemeldet.",
    new_password: "Neues Passwort",
    repeat: "Neues Passwort, noch einmal",
    save: "Passwort speichern",
    not_saved: "Das Passwort wurde nicht gespeichert",
    too_short: "Nehmen Sie mindestens {} Zeichen.",
    unusable: "Nehmen Sie höchstens 128 Zeichen, ohne Steuerzeichen.",
    guessable: "Dieses Passwort ist zu leicht zu erraten. Wählen Sie eines, das andere nicht haben und das nicht Ihr Name ist.",
    different: "Die beiden Passwörter sind nicht gleich.",
    dead: "Dieser Link gilt nicht mehr",
    dead_note: "Er wurde schon benutzt oder ist älter als eine Stunde. Sie können einen neuen anfordern.",
    ask_again: "Neuen Link anfordern",
    done: "Ihr Passwort ist gespeichert",
    done_note: "Sie können sich jetzt damit anmelden. Sie wurden überall abgemeldet.",
};

#[cfg(test)]
#[test]
fn every_language_has_every_text_of_forgotten_passwords() {
    super::tests::check_tables(reset, &[]);
}
