//! `/account/email/confirm`: the link in the mail to a new address. Whoever has it reads that mailbox; nobody needs to be
//! signed in. Looking at it changes nothing, since programs that look for malice in mails follow links too.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{SecretHash, SecretKind};
use paylent_mail::About;
use paylent_storage::{Error, ProvenEmail};

use super::super::{Visit, fault::Failure, respond, respond_to_form, show, visit::Fields};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Name,
        account::{ConfirmEmailPage, Notice, NoticePage},
    },
};

/// `GET /account/email/confirm?token=…`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit| {
        let fields = Fields::parse(request.query_string())?;
        let token = fields.one("token").unwrap_or_default();
        match presented(visit, token).await? {
            Some((_, change)) => {
                let csrf = visit.csrf(Purpose::ConfirmEmail);
                let page = ConfirmEmailPage {
                    frame: visit.frame(),
                    form: visit.own_form("/account/email/confirm", &csrf),
                    token,
                    old: Name(change.old.as_str()),
                    new: Name(change.new.as_str()),
                };
                Ok(show::page(200, &page))
            }
            None => Ok(dead(visit)),
        }
    };
    respond(&request, &settings, run).await
}

/// `POST /account/email/confirm`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    respond_to_form(&request, payload, &settings, confirm).await
}

async fn confirm(visit: &mut Visit, fields: &Fields) -> Result<HttpResponse, Failure> {
    visit.check(Purpose::ConfirmEmail, fields)?;
    let Some((token, change)) = presented(visit, fields.one("token").unwrap_or_default()).await? else {
        return Ok(dead(visit));
    };
    let about = About::EmailChanged { email: change.new.as_str().to_owned() };
    let letter = visit.seal(&change.old, change.language, about, None)?;
    let new = change.new.clone();
    let by = visit.context(change.user_id, change.old.as_str());
    match visit.env.confirm_email_change(&token, change, letter, &by).await {
        Ok(true) => Ok(notice(visit, 200, Notice::EmailChanged(Name(new.as_str())))),
        // Somebody else proved the address to be theirs meanwhile, which is nothing to tell.
        Ok(false) | Err(Error::Conflict) => Ok(dead(visit)),
        Err(error) => Err(error.into()),
    }
}

/// The change that a link stands for, if it is good.
async fn presented(visit: &Visit, token: &str) -> Result<Option<(SecretHash, ProvenEmail)>, Failure> {
    if SecretKind::of(token) != Some(SecretKind::EmailChange) {
        return Ok(None);
    }
    let hash = SecretHash::of(token);
    Ok(visit.env.email_change(&hash, visit.now).await?.map(|change| (hash, change)))
}

fn dead(visit: &Visit) -> HttpResponse {
    notice(visit, 410, Notice::LinkDead)
}

fn notice(visit: &Visit, status: u16, notice: Notice<'_>) -> HttpResponse {
    show::page(status, &NoticePage { frame: visit.frame(), notice })
}
