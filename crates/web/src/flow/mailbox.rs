//! The mails of an environment that left lately, for developers.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use super::{Visit, respond, show::page};
use crate::{
    Settings,
    pages::{Href, Mailbox, Name, ShownMail},
};

/// `GET /dev/mailbox`
pub(super) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let mails = settings.mailbox.as_ref().map(|mailbox| mailbox.of(visit.env.tenant().environment.id));
        let mails = mails.unwrap_or_default();
        let shown: Vec<ShownMail<'_>> = mails
            .iter()
            .map(|mail| ShownMail {
                subject: Name(&mail.subject),
                to: Name(&mail.to),
                at: mail.at.to_string(),
                text: &mail.text,
                links: mail.text.lines().filter(|line| line.starts_with("http")).filter_map(Href::parse).collect(),
            })
            .collect();
        Ok(page(200, &Mailbox { frame: visit.frame(), mails: &shown }))
    };
    respond(&request, &settings, run).await
}
