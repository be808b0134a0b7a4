//! German.

use super::{Texts, Words};

pub(super) const GERMAN: Texts = Texts {
    greeting: "Guten Tag,",
    copy_link: "Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:",
    sent_by: "Diese E-Mail wurde von {environment} gesendet. Sie kann nicht beantwortet werden.",
    minute: "1 Minute",
    minutes: "{number} Minuten",
    day: "1 Tag",
    days: "{number} Tage",
    once: "einmal",
    times: "{number}-mal",
    passcode: Words {
        subject: "Ihr Code für {environment}",
        lead: "Geben Sie diesen Code ein, um Ihre Adresse bei {environment} zu bestätigen:",
        action: "",
        after: "Gültigkeit des Codes: {time}. Geben Sie ihn niemandem weiter. Falls Sie ihn nicht angefordert haben, müssen \
                Sie nichts tun.",
    },
    already_registered: Words {
        subject: "Sie haben schon ein Konto bei {environment}",
        lead: "Jemand, wahrscheinlich Sie selbst, wollte sich mit dieser Adresse bei {environment} registrieren. Es gibt \
               schon ein Konto mit dieser Adresse; deshalb wurde nichts geändert. Melden Sie sich mit Ihrem Passwort an; \
               falls Sie es nicht mehr wissen, wählen Sie ein neues.",
        action: "Neues Passwort wählen",
        after: "Falls Sie das nicht waren, müssen Sie nichts tun.",
    },
    password_reset: Words {
        subject: "Wählen Sie ein neues Passwort für {environment}",
        lead: "Für Ihr Konto bei {environment} wurde ein neues Passwort angefordert. Mit diesem Link können Sie eines \
               wählen.",
        action: "Neues Passwort wählen",
        after: "Der Link kann einmal verwendet werden. Gültigkeit: {time}. Falls Sie ihn nicht angefordert haben, müssen Sie \
                nichts tun: Ihr Passwort bleibt, wie es ist.",
    },
    password_changed: Words {
        subject: "Ihr Passwort für {environment} wurde geändert",
        lead: "Das Passwort Ihres Kontos bei {environment} wurde geändert. Falls Sie das waren, müssen Sie nichts tun.",
        action: "Neues Passwort wählen",
        after: "Falls Sie das nicht waren, wählen Sie jetzt ein neues Passwort.",
    },
    email_change: Words {
        subject: "Bestätigen Sie Ihre neue Adresse für {environment}",
        lead: "Diese Adresse soll für ein Konto bei {environment} verwendet werden. Bestätigen Sie, dass sie Ihnen gehört.",
        action: "Adresse bestätigen",
        after: "Der Link kann einmal verwendet werden. Gültigkeit: {time}. Falls Sie ihn nicht angefordert haben, müssen Sie \
                nichts tun.",
    },
    email_changed: Words {
        subject: "Ihre Adresse für {environment} wurde geändert",
        lead: "Ihr Konto bei {environment} hat ab jetzt die Adresse {email}. Diese Adresse wird dafür nicht mehr verwendet.",
        action: "",
        after: "Falls Sie das nicht waren, melden Sie es sofort den Betreibern von {environment}.",
    },
    invitation: Words {
        subject: "Einladung zu {organization}",
        lead: "{inviter} lädt Sie ein, {organization} bei {environment} beizutreten.",
        action: "Einladung ansehen",
        after: "Zeit für die Antwort: {time}. Falls Sie nicht beitreten möchten, müssen Sie nichts tun.",
    },
    invitation_by_nobody: Words {
        subject: "Einladung zu {organization}",
        lead: "Sie sind eingeladen, {organization} bei {environment} beizutreten.",
        action: "Einladung ansehen",
        after: "Zeit für die Antwort: {time}. Falls Sie nicht beitreten möchten, müssen Sie nichts tun.",
    },
    sign_in_after_failures: Words {
        subject: "Neue Anmeldung bei Ihrem Konto bei {environment}",
        lead: "Jemand hat sich mit einem unbekannten Browser bei Ihrem Konto bei {environment} angemeldet, von der Adresse \
               {ip}. Davor wurde {failures} ein falsches Passwort eingegeben. Falls Sie das waren, müssen Sie nichts tun.",
        action: "Neues Passwort wählen",
        after: "Falls Sie das nicht waren, wählen Sie jetzt ein neues Passwort.",
    },
    foreign_token_revoked: Words {
        subject: "Ein Token von {application} wurde widerrufen",
        lead: "Ein Token der Anwendung {application} wurde um {at} von der Adresse {ip} aus benutzt. Diese \
               Adresse steht nicht auf der Liste der erlaubten Adressen. Darum wurde die Anfrage abgelehnt und das \
               Token widerrufen. Das Token begann mit {token}.",
        action: "",
        after: "Falls es Ihr eigenes System war, nehmen Sie die Adresse in die Liste auf und holen Sie ein neues \
                Token, oder lassen Sie die Person den Zugriff erneut erlauben. Falls nicht, finden Sie heraus, wie \
                das Token dorthin kam. In den nächsten zehn Minuten kommt keine weitere Mail zu dieser Anwendung.",
    },
    foreign_token_observed: Words {
        subject: "Ein Token von {application} wurde von einer anderen Adresse aus benutzt",
        lead: "Ein Token der Anwendung {application} wurde um {at} von der Adresse {ip} aus benutzt. Diese \
               Adresse steht nicht auf der Liste der erlaubten Adressen. Die Liste wird nur beobachtet, darum wurde \
               die Anfrage beantwortet. Das Token begann mit {token}.",
        action: "",
        after: "Falls es Ihr eigenes System war, nehmen Sie die Adresse in die Liste auf. Falls nicht, widerrufen Sie \
                das Token. In den nächsten zehn Minuten kommt keine weitere Mail zu dieser Anwendung.",
    },
    foreign_secret_refused: Words {
        subject: "Das Geheimnis von {application} wurde von einer anderen Adresse aus benutzt",
        lead: "Das Client-Geheimnis der Anwendung {application} wurde um {at} von der Adresse {ip} aus benutzt. Diese \
               Adresse steht nicht auf der Liste der erlaubten Adressen. Darum wurde kein Token ausgegeben.",
        action: "",
        after: "Falls es Ihr eigenes System war, nehmen Sie die Adresse in die Liste auf. Falls nicht, erneuern Sie \
                das Geheimnis jetzt. In den nächsten zehn Minuten kommt keine weitere Mail zu dieser Anwendung.",
    },
    foreign_secret_observed: Words {
        subject: "Das Geheimnis von {application} wurde von einer unbekannten Adresse aus benutzt",
        lead: "Das Client-Geheimnis der Anwendung {application} wurde um {at} von der Adresse {ip} aus benutzt. Diese \
               Adresse steht nicht auf der Liste der erlaubten Adressen. Die Liste wird nur beobachtet, darum wurde \
               die Anfrage beantwortet.",
        action: "",
        after: "Falls es Ihr eigenes System war, nehmen Sie die Adresse in die Liste auf. Falls nicht, erneuern Sie \
                das Geheimnis jetzt. In den nächsten zehn Minuten kommt keine weitere Mail zu dieser Anwendung.",
    },
    account_deleted: Words {
        subject: "Ihr Konto bei {environment} wurde gelöscht",
        lead: "Ihr Konto bei {environment} wurde gelöscht, wie Sie es wünschten.",
        action: "",
        after: "Falls Sie das nicht waren, melden Sie es sofort den Betreibern von {environment}.",
    },
};
