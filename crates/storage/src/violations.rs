//! What applications do from addresses that their allow lists do not have.

use std::net::IpAddr;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Timestamp,
    application::{Application, HOURLY_MAILS, MAIL_INTERVAL},
    audit::Context,
    language::Language,
    mail::NewMail,
    user::Email,
};
use paylent_oauth::store::{Presented, Violation};

use crate::{
    Env, Result, Tenant,
    applications::event,
    audit::entry,
    authority::names,
    counters::count,
    key::Key,
    mails::NewMailRow,
    pool::on,
    schema::{access_tokens, applications, audit_events, clients, mails, organizations, token_families, users},
};

/// Writes the mails that are decided on inside a unit of work. The host has the words, and the key that seals them.
pub trait Post: Send + Sync {
    /// A mail to one of those whom an application tells. `None` when it cannot be written; the others go out all the same.
    fn violation(&self, tenant: &Tenant, notice: &ViolationNotice, to: &Email, language: Language) -> Option<NewMail>;
}

/// What the people of an application are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViolationNotice {
    /// What the application is called.
    pub application: String,
    /// From where its token or secret was used.
    pub ip: IpAddr,
    /// When.
    pub at: Timestamp,
    /// How the token begins; `None` for the secret.
    pub prefix: Option<String>,
    /// Whether that was refused, and the token revoked.
    pub enforced: bool,
}

/// What is needed of an application: its id and name, those of the organization that owns it, and whom it tells.
type Told = (Key, String, (Key, String), String);
/// A person's address as it is compared, and the language that they chose.
type Spoken = (Option<String>, Option<String>);

impl Env {
    /// Revokes what was presented, if the application enforces its list. Whoever does that first leaves the event; the mail
    /// goes out once in ten minutes. What is only observed, or is a secret, leaves an event with each mail.
    pub(crate) async fn report_violation(&self, violation: Violation) -> Result<()> {
        let (environment, at) = (self.key(), violation.at);
        let (tenant, post) = (self.tenant().clone(), self.post.clone());
        on!(self.db, transaction, |c| {
            let application = applications::environment_id.eq(clients::environment_id);
            let application = applications::table.on(application.and(applications::id.eq(clients::id)));
            let owner = organizations::environment_id.eq(applications::environment_id);
            let owner = organizations::table.on(owner.and(organizations::id.eq(applications::organization_id)));
            let named = clients::environment_id.eq(environment).and(clients::client_id.eq(violation.client_id.clone()));
            let whose = (organizations::id, organizations::name);
            let told = clients::table.inner_join(application.inner_join(owner)).filter(named);
            let told = told.select((clients::id, clients::name, whose, applications::notification_emails));
            let told: Option<Told> = told.get_result(c).await.optional()?;
            let Some((id, name, (owner, owner_name), emails)) = told else { return Ok(()) };
            let revoked = match violation.presented {
                Presented::AccessToken(hash) if violation.enforced => {
                    let token = access_tokens::table.find((environment, hash.as_bytes().to_vec()));
                    Some(diesel::delete(token).execute(c).await?)
                }
                Presented::Family(family) if violation.enforced => {
                    let live = token_families::table.find((environment, Key::from(family)));
                    let live = live.filter(token_families::revoked_at.is_null());
                    Some(diesel::update(live).set(token_families::revoked_at.eq(at.micros())).execute(c).await?)
                }
                _ => None,
            };
            if revoked == Some(0) {
                return Ok(());
            }
            let counter = format!("allow-list:{}", id.id::<Application>());
            let is_first = count!(c, environment, &counter, MAIL_INTERVAL, at) == 1;
            if is_first || revoked.is_some() {
                let by = Context { ip: Some(violation.ip), ..Context::system(at) };
                let event = event(action(&violation), id.id(), &name, owner.id(), &owner_name);
                let event = event.change("token", violation.prefix.clone(), None);
                entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            }
            if is_first {
                let notice = ViolationNotice {
                    application: name,
                    ip: violation.ip,
                    at,
                    prefix: violation.prefix.clone(),
                    enforced: violation.enforced,
                };
                let addresses: Vec<Email> = names(&emails)?.iter().filter_map(|to| to.parse().ok()).collect();
                let keys: Vec<String> = addresses.iter().map(Email::key).collect();
                let theirs = users::environment_id.eq(environment).and(users::email_key.eq_any(keys));
                let theirs = users::table.filter(theirs).select((users::email_key, users::locale));
                let spoken: Vec<Spoken> = theirs.load(c).await?;
                let mail = |to: &Email| post.as_ref()?.violation(&tenant, &notice, to, language(&spoken, to));
                for to in &addresses {
                    // Whoever owns applications names the address: an abundance of them is no reason to fill its mailbox. That
                    // must not fail the unit of work, which revokes.
                    let counter = format!("allow-list-mails:{}", to.key());
                    let is_flooded = count!(c, environment, &counter, 3_600, at) > HOURLY_MAILS;
                    if let Some(mail) = mail(to).filter(|_| !is_flooded) {
                        NewMailRow::new(environment, mail, at).insert_into(mails::table).execute(c).await?;
                    }
                }
            }
            Ok(())
        })
    }
}

const fn action(violation: &Violation) -> &'static str {
    match (violation.enforced, violation.presented) {
        (true, Presented::Secret) => "application.address_refused",
        (true, _) => "application.token_revoked",
        (false, _) => "application.address_observed",
    }
}

/// The language of whoever has this address here; of other addresses none is known.
fn language(spoken: &[Spoken], to: &Email) -> Language {
    let key = to.key();
    let theirs = spoken.iter().find(|(email_key, _)| email_key.as_ref() == Some(&key));
    theirs.and_then(|(_, locale)| Language::of_tag(locale.as_deref()?)).unwrap_or_default()
}
