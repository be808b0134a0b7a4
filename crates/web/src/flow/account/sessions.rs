//! `/account/sessions`: where a person is signed in, and how that ends.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_storage::Person;

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Tokens, by, chosen, done, is_done, say_done, shown, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Href, SignedOut,
        account::{Moment, OwnSession, Section, SessionsPage},
    },
};

/// `GET /account/sessions`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, person: Person| {
        let here = visit.session.as_ref().map(|session| session.id);
        let sessions: Vec<OwnSession> = visit
            .env
            .live_sessions(person.id, visit.now)
            .await?
            .into_iter()
            .map(|session| OwnSession {
                id: session.id.to_string(),
                here: Some(session.id) == here,
                user_agent: session.user_agent,
                ip: session.ip.map(|ip| ip.to_string()),
                since: Moment(session.created_at),
                last_used: Moment(session.last_activity_at),
            })
            .collect();
        let tokens = Tokens::new(visit, Purpose::Sessions).await?;
        let page = SessionsPage {
            frame: visit.frame(),
            around: tokens.around(visit, Section::Sessions, is_done(&request)),
            form: visit.own_form("/account/sessions", &tokens.own),
            sessions: &sessions,
        };
        Ok(show::page(200, &page))
    };
    shown(&request, &settings, run).await
}

/// `POST /account/sessions`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::Sessions, end).await
}

async fn end(visit: &mut Visit, person: Person, fields: &Fields) -> Result<HttpResponse, Failure> {
    let (by, here) = (by(visit, &person), visit.session.as_ref().map(|session| session.id));
    let ends_here = match fields.one("session") {
        Some("others") => {
            visit.env.end_own_sessions(person.id, here, &by).await?;
            false
        }
        Some("all") => {
            visit.env.end_own_sessions(person.id, None, &by).await?;
            true
        }
        _ => {
            let id = chosen(fields, "session")?;
            if !visit.env.end_own_session(person.id, id, &by).await? {
                return Err(unknown());
            }
            here == Some(id)
        }
    };
    if !ends_here {
        return Ok(say_done(Section::Sessions));
    }
    visit.sign_out();
    Ok(show::page(200, &SignedOut { frame: visit.frame(), sign_in: Href::parse("/login") }))
}
