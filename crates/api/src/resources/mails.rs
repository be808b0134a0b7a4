//! `mail`: a mail that goes out, and what became of it. What it says is never shown.

use paylent_domain::{
    Id, Timestamp,
    mail::{Mail, MailStatus},
    policy::Resource as Managed,
};
use paylent_jsonapi::{FilterField, Operator, Resource, Schema};
use paylent_storage::{Env, Listed, MailFilter, Page};

use super::{BY_ID, BY_TIME, by, by_name};
use crate::{
    Answering,
    call::Call,
    entity::{Created, Entity},
    filters::Filters,
    handlers::verb,
};

static SCHEMA: Schema = Schema {
    kind: "mail",
    attributes: &[
        "kind",
        "recipient",
        "status",
        "attempts",
        "next_attempt_at",
        "expires_at",
        "last_error",
        "created_at",
        "updated_at",
    ],
    relationships: &[],
    includes: &[],
    sorts: &["created_at", "recipient"],
    filters: &[
        BY_ID,
        BY_TIME,
        by_name("recipient"),
        by("kind"),
        FilterField { name: "status", operators: &[Operator::Eq, Operator::NotEq] },
    ],
    others: &[],
};

impl Entity for Mail {
    const MANAGED: Managed = Managed::Mails;
    const SCHEMA: &'static Schema = &SCHEMA;
    const NAMED_BY: Option<&'static str> = Some("recipient");
    type Filter = MailFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn name_key(&self) -> String {
        self.recipient.clone()
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        let next = (self.status == MailStatus::Queued).then(|| self.next_attempt_at.to_string());
        resource
            .attribute("kind", self.kind.as_str())
            .attribute("recipient", self.recipient.as_str())
            .attribute("status", self.status.as_str())
            .attribute("attempts", self.attempts)
            .attribute("next_attempt_at", next)
            .attribute("expires_at", self.expires_at.map(|at| at.to_string()))
            .attribute("last_error", self.last_error.as_deref())
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<MailFilter> {
        Some(MailFilter {
            status: filters.one::<MailStatus>("status")?,
            not_status: filters.not("status"),
            kind: filters.one("kind")?,
        })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.mail(id).await
    }

    async fn list(env: &Env, filter: MailFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.mails(filter, page).await
    }
}

/// `PATCH /mails/{id}/resend`
pub(crate) fn resend(call: Call) -> Answering {
    Box::pin(verb::<Mail>(call, async |call, mail, expected| {
        Ok(call.env.resend_mail(mail.id, expected, &call.by).await?.map(Created::from))
    }))
}
