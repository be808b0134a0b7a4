//! Mails that go out.

use paylent_domain::mail::{Mail, MailStatus};
use serde_json::Value;

use crate::openapi::property::{Documented, EXAMPLE_MOMENT, Property, email, integer, moment, text, word};

impl Documented for Mail {
    const ABOUT: &'static str = "A mail that goes out, and what became of it. What it says is never shown, and is wiped \
                                 when it was delivered or is of no use any more. It is forgotten thirty days later.";
    const VERBS: &'static [(&'static str, &'static str)] =
        &[("resend", "Queues a mail that failed once more, as if it had never been tried.")];

    fn properties() -> Vec<Property> {
        let statuses = MailStatus::ALL.map(MailStatus::as_str);
        let status = "Where it stands: `queued` will be tried, or tried again; `sent` was taken over by the next mail \
                      server; `failed` was given up; `expired` came to nothing in time and was not sent.";
        let expires_at = "From when on it is of no use to anybody and is not sent any more.";
        vec![
            Property::new("kind", "What it is about, in one word.", text(), "password_reset"),
            Property::new("recipient", "The one address it goes to.", email(), "jane@example.com"),
            Property::new("status", status, word(&statuses), "failed"),
            Property::new("attempts", "How often it was tried.", integer(0, None), 1),
            Property::new("next_attempt_at", "When it is tried next, while it is queued.", moment(), Value::Null)
                .null_if_unknown(),
            Property::new("expires_at", expires_at, moment(), EXAMPLE_MOMENT).null_if_unknown(),
            Property::new("last_error", "Why the last attempt failed.", text(), "permanent error (550)")
                .null_if_unknown(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }
}
