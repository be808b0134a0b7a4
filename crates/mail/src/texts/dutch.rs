//! Dutch.

use super::{Texts, Words};

pub(super) const DUTCH: Texts = Texts {
    greeting: "Goedendag,",
    copy_link: "Werkt de knop niet? Kopieer dan dit adres naar uw browser:",
    sent_by: "Deze e-mail is verstuurd door {environment}. U kunt hem niet beantwoorden.",
    minute: "1 minuut",
    minutes: "{number} minuten",
    day: "1 dag",
    days: "{number} dagen",
    once: "één keer",
    times: "{number} keer",
    passcode: Words {
        subject: "Uw code voor {environment}",
        lead: "Vul deze code in om uw adres bij {environment} te bevestigen:",
        action: "",
        after: "De code is {time} geldig. Geef hem aan niemand. Hebt u er niet om gevraagd, dan hoeft u niets te doen.",
    },
    already_registered: Words {
        subject: "U hebt al een account bij {environment}",
        lead: "Iemand, waarschijnlijk u zelf, wilde zich met dit adres bij {environment} registreren. Er is al een account \
               met dit adres, dus er is niets veranderd. Log in met uw wachtwoord; weet u het niet meer, kies dan een nieuw.",
        action: "Nieuw wachtwoord kiezen",
        after: "Was u het niet, dan hoeft u niets te doen.",
    },
    password_reset: Words {
        subject: "Kies een nieuw wachtwoord voor {environment}",
        lead: "Er is een nieuw wachtwoord gevraagd voor uw account bij {environment}. Met deze link kunt u er een kiezen.",
        action: "Nieuw wachtwoord kiezen",
        after: "U kunt de link één keer gebruiken, binnen {time}. Hebt u er niet om gevraagd, dan hoeft u niets te doen: uw \
                wachtwoord blijft zoals het is.",
    },
    password_changed: Words {
        subject: "Uw wachtwoord voor {environment} is gewijzigd",
        lead: "Het wachtwoord van uw account bij {environment} is gewijzigd. Was u het zelf, dan hoeft u niets te doen.",
        action: "Nieuw wachtwoord kiezen",
        after: "Was u het niet, kies dan nu een nieuw wachtwoord.",
    },
    email_change: Words {
        subject: "Bevestig uw nieuwe adres voor {environment}",
        lead: "Dit adres moet voor een account bij {environment} gebruikt worden. Bevestig dat het van u is.",
        action: "Adres bevestigen",
        after: "U kunt de link één keer gebruiken, binnen {time}. Hebt u er niet om gevraagd, dan hoeft u niets te doen.",
    },
    email_changed: Words {
        subject: "Uw adres voor {environment} is gewijzigd",
        lead: "Vanaf nu heeft uw account bij {environment} het adres {email}. Dit adres wordt er niet meer voor gebruikt.",
        action: "",
        after: "Was u het niet, meld het dan meteen bij de beheerders van {environment}.",
    },
    invitation: Words {
        subject: "Uitnodiging voor {organization}",
        lead: "{inviter} nodigt u uit om lid te worden van {organization} bij {environment}.",
        action: "Uitnodiging bekijken",
        after: "U kunt hem nog {time} beantwoorden. Wilt u geen lid worden, dan hoeft u niets te doen.",
    },
    invitation_by_nobody: Words {
        subject: "Uitnodiging voor {organization}",
        lead: "U bent uitgenodigd om lid te worden van {organization} bij {environment}.",
        action: "Uitnodiging bekijken",
        after: "U kunt hem nog {time} beantwoorden. Wilt u geen lid worden, dan hoeft u niets te doen.",
    },
    sign_in_after_failures: Words {
        subject: "Nieuwe aanmelding bij uw account bij {environment}",
        lead: "Iemand heeft zich bij uw account bij {environment} aangemeld met een onbekende browser, op het adres {ip}. \
               Daarvoor is {failures} een verkeerd wachtwoord ingevuld. Was u het zelf, dan hoeft u niets te doen.",
        action: "Nieuw wachtwoord kiezen",
        after: "Was u het niet, kies dan nu een nieuw wachtwoord.",
    },
    foreign_token_revoked: Words {
        subject: "Een token van {application} is ingetrokken",
        lead: "Een token van de applicatie {application} is op {at} gebruikt vanaf het adres {ip}. Dat adres \
               staat niet op de lijst van toegestane adressen. Daarom is het verzoek geweigerd en het token \
               ingetrokken. Het token begon met {token}.",
        action: "",
        after: "Was het uw eigen systeem, voeg het adres dan toe aan de lijst en vraag een nieuw token aan, of \
                laat de persoon opnieuw toegang geven. Was het dat niet, zoek dan uit hoe het token daar is \
                gekomen. De komende tien minuten krijgt u geen andere mail over deze applicatie.",
    },
    foreign_token_observed: Words {
        subject: "Een token van {application} is vanaf een ander adres gebruikt",
        lead: "Een token van de applicatie {application} is op {at} gebruikt vanaf het adres {ip}. Dat adres \
               staat niet op de lijst van toegestane adressen. De lijst wordt alleen bewaakt, dus het verzoek is \
               beantwoord. Het token begon met {token}.",
        action: "",
        after: "Was het uw eigen systeem, voeg het adres dan toe aan de lijst. Was het dat niet, trek het token dan \
                in. De komende tien minuten krijgt u geen andere mail over deze applicatie.",
    },
    foreign_secret_refused: Words {
        subject: "Het geheim van {application} is vanaf een ander adres gebruikt",
        lead: "Het clientgeheim van de applicatie {application} is op {at} gebruikt vanaf het adres {ip}. Dat adres \
               staat niet op de lijst van toegestane adressen. Daarom is er geen token uitgegeven.",
        action: "",
        after: "Was het uw eigen systeem, voeg het adres dan toe aan de lijst. Was het dat niet, vernieuw het geheim \
                dan nu. De komende tien minuten krijgt u geen andere mail over deze applicatie.",
    },
    foreign_secret_observed: Words {
        subject: "Het geheim van {application} is vanaf een onbekend adres gebruikt",
        lead: "Het clientgeheim van de applicatie {application} is op {at} gebruikt vanaf het adres {ip}. Dat adres \
               staat niet op de lijst van toegestane adressen. De lijst wordt alleen bewaakt, dus het verzoek is \
               beantwoord.",
        action: "",
        after: "Was het uw eigen systeem, voeg het adres dan toe aan de lijst. Was het dat niet, vernieuw het geheim \
                dan nu. De komende tien minuten krijgt u geen andere mail over deze applicatie.",
    },
    account_deleted: Words {
        subject: "Uw account bij {environment} is verwijderd",
        lead: "Uw account bij {environment} is verwijderd, zoals u gevraagd hebt.",
        action: "",
        after: "Was u het niet, meld het dan meteen bij de beheerders van {environment}.",
    },
};
