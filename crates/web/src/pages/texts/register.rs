//! The texts of registration.

use super::Language;

/// What the pages of registration say in one language.
#[derive(Debug)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Register {
    pub(crate) email_note: &'static str,
    pub(crate) email_invalid: &'static str,
    pub(crate) send_code: &'static str,
    pub(crate) have_account: &'static str,
    pub(crate) not_done: &'static str,
    pub(crate) over: &'static str,
    pub(crate) taken: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) enter_code: &'static str,
    pub(crate) code_sent: &'static str,
    pub(crate) code: &'static str,
    pub(crate) code_malformed: &'static str,
    pub(crate) wrong_code: &'static str,
    pub(crate) no_mail: &'static str,
    pub(crate) resend: &'static str,
    pub(crate) other_email: &'static str,
    pub(crate) about_you: &'static str,
    pub(crate) proved: &'static str,
    pub(crate) first_name: &'static str,
    pub(crate) first_name_missing: &'static str,
    pub(crate) last_name: &'static str,
    pub(crate) last_name_missing: &'static str,
    pub(crate) password_rule: &'static str,
    pub(crate) password_unfit: &'static str,
    pub(crate) password_again: &'static str,
    pub(crate) password_differs: &'static str,
    pub(crate) welcome: &'static str,
    pub(crate) welcome_note: &'static str,
    pub(crate) closed: &'static str,
    pub(crate) closed_note: &'static str,
}

/// The texts of registration in a language.
pub(crate) const fn register(language: Language) -> &'static Register {
    match language {
        Language::English => &ENGLISH,
        Language::Dutch => &DUTCH,
        Language::German => &GERMAN,
    }
}

static ENGLISH: Register = Register {
    email_note: "We send a code to your address to make sure that it is yours.",
    email_invalid: "Enter an e-mail address such as jane@example.com.",
    send_code: "Send the code",
    have_account: "You have an account already?",
    not_done: "That did not work yet",
    over: "This registration is over. Begin again with your e-mail address.",
    taken: "This address has an account by now. Sign in with it.",
    busy: "Many people are here right now. Try again in a few seconds.",
    enter_code: "Enter the code",
    code_sent: "We sent a mail to {}. Enter the six digits that are in it; they are good for ten minutes.",
    code: "Code",
    code_malformed: "Enter the six digits of the code, without spaces.",
    wrong_code: "This code is not right, or not good any more. Look at the newest mail, or have a new code sent.",
    no_mail: "No mail after a minute? Look among the unwanted mail, or have a new code sent. Codes from before stop working then.",
    resend: "Send a new code",
    other_email: "Use another e-mail address",
    about_you: "Who are you?",
    proved: "The address {} is confirmed. Tell us your name and choose a password.",
    first_name: "First name",
    first_name_missing: "Enter your first name, in at most 100 characters.",
    last_name: "Last name",
    last_name_missing: "Enter your last name, in at most 100 characters.",
    password_rule: "At least {} characters. A few words in a row are good and easy to remember.",
    password_unfit: "Choose another password, with {} to 128 characters.",
    password_again: "The password once more",
    password_differs: "The two passwords are not the same.",
    welcome: "Your account is ready",
    welcome_note: "You are signed in. You can close this page, or go back to the application.",
    closed: "Registration is closed",
    closed_note: "Nobody can create an account here at the moment. Ask the people who invited you.",
};

static DUTCH: Register = Register {
    email_note: "We sturen een code naar uw adres om zeker te weten dat het van u is.",
    email_invalid: "Vul een e-mailadres in, zoals jane@example.com.",
    send_code: "Code sturen",
    have_account: "Hebt u al een account?",
    not_done: "Dat is nog niet gelukt",
    over: "Deze registratie is afgelopen. Begin opnieuw met uw e-mailadres.",
    taken: "Dit adres heeft inmiddels een account. Log ermee in.",
    busy: "Het is hier nu druk. Probeer het over een paar seconden opnieuw.",
    enter_code: "Vul de code in",
    code_sent: "We hebben een e-mail gestuurd naar {}. Vul de zes cijfers in die erin staan; ze zijn tien minuten geldig.",
    code: "Cijfercode",
    code_malformed: "Vul de zes cijfers van de code in, zonder spaties.",
    wrong_code: "Deze code klopt niet of is niet meer geldig. Kijk in de nieuwste e-mail of laat een nieuwe code sturen.",
    no_mail: "Na een minuut nog geen e-mail? Kijk bij de ongewenste e-mail of laat een nieuwe code sturen. Eerdere codes werken dan niet meer.",
    resend: "Nieuwe code sturen",
    other_email: "Een ander e-mailadres gebruiken",
    about_you: "Wie bent u?",
    proved: "Het adres {} is bevestigd. Vul uw naam in en kies een wachtwoord.",
    first_name: "Voornaam",
    first_name_missing: "Vul uw voornaam in, met hoogstens 100 tekens.",
    last_name: "Achternaam",
    last_name_missing: "Vul uw achternaam in, met hoogstens 100 tekens.",
    password_rule: "Minstens {} tekens. Een paar woorden achter elkaar zijn goed en makkelijk te onthouden.",
    password_unfit: "Kies een ander wachtwoord, met {} tot 128 tekens.",
    password_again: "Nogmaals het wachtwoord",
    password_differs: "De twee wachtwoorden zijn niet gelijk.",
    welcome: "Uw account is klaar",
    welcome_note: "U bent ingelogd. U kunt deze pagina sluiten of teruggaan naar de toepassing.",
    closed: "Registratie is gesloten",
    closed_note: "Op dit moment kan niemand hier een account aanmaken. Vraag het aan wie u uitnodigde.",
};

static GERMAN: Register = Register {
    email_note: "Wir senden einen Code an Ihre Adresse, um sicherzugehen, dass sie Ihnen gehört.",
    email_invalid: "Geben Sie eine E-Mail-Adresse ein, etwa jane@example.com.",
    send_code: "Code senden",
    have_account: "Sie haben schon ein Konto?",
    not_done: "Das hat noch nicht geklappt",
    over: "Diese Registrierung ist abgelaufen. Beginnen Sie mit Ihrer E-Mail-Adresse von vorn.",
    taken: "Diese Adresse hat inzwischen ein Konto. Melden Sie sich damit an.",
    busy: "Hier ist gerade viel los. Versuchen Sie es in ein paar Sekunden noch einmal.",
    enter_code: "Code eingeben",
    code_sent: "Wir haben eine E-Mail an {} gesendet. Geben Sie die sechs Ziffern ein, die darin stehen; sie gelten zehn Minuten.",
    code: "Zifferncode",
    code_malformed: "Geben Sie die sechs Ziffern des Codes ohne Leerzeichen ein.",
    wrong_code: "Dieser Code stimmt nicht oder gilt nicht mehr. Sehen Sie in die neueste E-Mail oder lassen Sie einen neuen Code senden.",
    no_mail: "Nach einer Minute noch keine E-Mail? Sehen Sie bei den unerwünschten Mails nach oder lassen Sie einen neuen Code senden. Frühere Codes gelten dann nicht mehr.",
    resend: "Neuen Code senden",
    other_email: "Eine andere E-Mail-Adresse verwenden",
    about_you: "Wer sind Sie?",
    proved: "Die Adresse {} ist bestätigt. Geben Sie Ihren Namen ein und wählen Sie ein Passwort.",
    first_name: "Vorname",
    first_name_missing: "Geben Sie Ihren Vornamen ein, mit höchstens 100 Zeichen.",
    last_name: "Nachname",
    last_name_missing: "Geben Sie Ihren Nachnamen ein, mit höchstens 100 Zeichen.",
    password_rule: "Mindestens {} Zeichen. Ein paar Wörter hintereinander sind gut und leicht zu merken.",
    password_unfit: "Wählen Sie ein anderes Passwort mit {} bis 128 Zeichen.",
    password_again: "Das Passwort noch einmal",
    password_differs: "Die beiden Passwörter sind nicht gleich.",
    welcome: "Ihr Konto ist fertig",
    welcome_note: "Sie sind angemeldet. Sie können diese Seite schließen oder zur Anwendung zurückgehen.",
    closed: "Die Registrierung ist geschlossen",
    closed_note: "Im Moment kann hier niemand ein Konto anlegen. Fragen Sie, wer Sie eingeladen hat.",
};

#[cfg(test)]
#[test]
fn every_language_has_every_text_of_registration() {
    super::tests::check_tables(register, &[]);
}
