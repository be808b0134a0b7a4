//! `/organizations/{id}/applications/{application}`: what an application is, and everything that changes it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{
    Id,
    application::{Application, ApplicationGrant, SecretOverlap, StaticToken},
    resource_server::ResourceServer,
    scope::Scopes,
};
use paylent_storage::{ApplicationChange, Error, Refusal, StaticTokenFilter};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Member,
    changes::{expected, version},
    cut, done,
    draft::{self, Judged},
    granted::scopes,
    page_after, problem, say,
    showing::{connections, current_address, example, offered, secret_page, static_tokens},
    shown, status, unknown,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Name,
        account::Moment,
        connections::{
            ApplicationPage, ConfirmationPage, Done, Offered, Problem, Settings as Form, Token, Typed, Wrong,
        },
    },
};

/// An application with its API, and who looks at it.
struct OpenedApplication<'a> {
    visit: &'a Visit,
    member: &'a Member,
    request: &'a HttpRequest,
    application: Application,
    server: ResourceServer,
    /// The version that the form is about, which stays that one until the page is opened again.
    version: String,
}

/// What other permissions do to those who use the application.
#[derive(Default)]
struct Effect {
    removed: Vec<String>,
    added: Vec<String>,
    /// How many connections lose something.
    connections: i64,
    /// How many static tokens do.
    tokens: i64,
    /// How many connections are asked for what is added.
    asked: i64,
}

impl Effect {
    const fn is_felt(&self) -> bool {
        self.connections + self.tokens + self.asked > 0
    }
}

/// `GET /organizations/{id}/applications/{application}`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member| {
        let opened = OpenedApplication::of(visit, &member, &request, None).await?;
        let typed = draft::as_typed(&opened.application);
        opened.page(&typed, false, Vec::new()).await
    };
    shown(&request, &settings, run).await
}

/// `POST /organizations/{id}/applications/{application}`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member, fields: &Fields| {
        let opened = OpenedApplication::of(visit, &member, &request, fields.one("version")).await?;
        match fields.one("action") {
            Some("rotate") => opened.rotate(fields).await,
            Some("expire") => opened.expire(fields).await,
            Some("revoke") => opened.revoke(fields).await,
            Some("add_current_address") => {
                let (mut typed, address) = (draft::typed(fields), current_address(visit));
                if let Some(address) = address {
                    draft::add_address(&mut typed, address);
                }
                opened.page(&typed, address.is_some(), Vec::new()).await
            }
            None | Some("save") => opened.save(fields).await,
            _ => Err(Failure::malformed("The action cannot be read.")),
        }
    };
    done(&request, payload, &settings, Purpose::Application, run).await
}

impl<'a> OpenedApplication<'a> {
    async fn of(
        visit: &'a Visit,
        member: &'a Member,
        request: &'a HttpRequest,
        seen: Option<&str>,
    ) -> Result<Self, Failure> {
        let application = member.application(visit, request).await?;
        let server = visit.env.resource_server(application.resource_server_id).await?.ok_or_else(unknown)?;
        let version = seen.map_or_else(|| version(application.updated_at), str::to_owned);
        Ok(Self { visit, member, request, application, server, version })
    }

    fn may_give(&self, scope: &str) -> bool {
        !self.server.system || self.member.may_give(scope)
    }

    /// Saves what was typed. Nobody loses anything or is asked for more before that was said and confirmed.
    async fn save(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        let (typed, known) = (draft::typed(fields), scopes(self.visit, self.server.id).await?);
        let before = &self.application.permissions;
        // What it has already is not given by whoever keeps it.
        let may_have = |name: &str| before.contains(name) || self.may_give(name);
        let judged = match draft::judge(&typed, self.application.grant_type, &known, may_have) {
            Ok(judged) => judged,
            Err(problems) => return self.page(&typed, false, problems).await,
        };
        let effect = self.effect(&judged.permissions).await?;
        if effect.is_felt() && fields.one("confirmed") != Some("yes") {
            return Ok(self.confirmation(&typed, &known, &effect));
        }
        let is_code = self.application.grant_type == ApplicationGrant::AuthorizationCode;
        let is_asked = is_code && !effect.added.is_empty();
        let (id, by) = (self.application.id, self.member.by(self.visit));
        match self.visit.env.update_application(id, change(judged), &expected(fields), &by).await {
            Ok(Some(_)) => Ok(say(&self.member.path_of(id), if is_asked { Done::SavedMore } else { Done::Saved })),
            Ok(None) => Err(unknown()),
            Err(Error::Refused(Refusal::Stale)) => self.page(&typed, false, problem("settings", Wrong::Stale)).await,
            // Deleted a moment ago.
            Err(Error::Reference) => {
                let known = scopes(self.visit, self.server.id).await?;
                let wrong = draft::foreign(&typed, &known).unwrap_or(Wrong::Stale);
                self.page(&typed, false, problem("permissions", wrong)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What it does to others when the application has these permissions.
    async fn effect(&self, kept: &Scopes) -> Result<Effect, Failure> {
        let (visit, id, before) = (self.visit, self.application.id, &self.application.permissions);
        let missing = |of: &Scopes, there: &Scopes| {
            of.iter().filter(|name| !there.contains(name)).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut effect = Effect { removed: missing(before, kept), added: missing(kept, before), ..Effect::default() };
        match self.application.grant_type {
            ApplicationGrant::AuthorizationCode => {
                effect.connections = visit.env.connections_narrowed_by(id, kept).await?;
                effect.asked = if effect.added.is_empty() { 0 } else { connections(visit, id).await? };
            }
            ApplicationGrant::ClientCredentials if effect.removed.is_empty() => {}
            ApplicationGrant::ClientCredentials => effect.tokens = static_tokens(visit, id).await?,
        }
        Ok(effect)
    }

    fn confirmation(&self, typed: &Typed, known: &[Offered], effect: &Effect) -> HttpResponse {
        let (csrf, back) = (self.visit.csrf(Purpose::Application), self.member.path_of(self.application.id));
        let described = |name: &String| {
            let known = known.iter().find(|scope| scope.name == *name).cloned();
            known.unwrap_or_else(|| Offered { name: name.clone(), description: None })
        };
        let described = |names: &[String], is_felt: bool| -> Vec<Offered> {
            names.iter().filter(|_| is_felt).map(described).collect()
        };
        let mut again = draft::fields(typed);
        again.push(("version", self.version.clone()));
        again.extend(typed.permissions.iter().map(|name| ("permission", name.to_owned())));
        let page = ConfirmationPage {
            frame: self.visit.frame(),
            place: self.member.place(self.visit),
            form: self.visit.own_form(&back, &csrf),
            name: Name(&self.application.name),
            removed: &described(&effect.removed, effect.connections + effect.tokens > 0),
            connections: effect.connections,
            tokens: effect.tokens,
            added: &described(&effect.added, effect.asked > 0),
            asked: effect.asked,
            typed: &again,
            back: &back,
        };
        show::page(200, &page)
    }

    /// Makes another secret. Whoever has the secret of a machine has all that it may do, so the person must have it, too.
    async fn rotate(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        let typed = draft::as_typed(&self.application);
        let is_machine = self.application.grant_type == ApplicationGrant::ClientCredentials;
        let lacking = self.application.permissions.iter().find(|name| is_machine && !self.may_give(name));
        let overlap = fields.one("overlap").and_then(|overlap| overlap.parse::<SecretOverlap>().ok());
        let overlap = match (lacking, overlap) {
            (None, Some(overlap)) => overlap,
            (None, None) => return self.page(&typed, false, problem("overlap", Wrong::Overlap)).await,
            (Some(name), _) => {
                let wrong = Wrong::SecretOfMore(name.to_owned());
                return self.page(&typed, false, problem("secret", wrong)).await;
            }
        };
        let (secret, by) = (secret::generate(SecretKind::ClientSecret)?, self.member.by(self.visit));
        let (id, hash) = (self.application.id, SecretHash::of(secret.expose()));
        match self.visit.env.rotate_application_secret(id, hash, overlap, &expected(fields), &by).await {
            Ok(Some(application)) => {
                let until = self.visit.now.plus_seconds(overlap.seconds());
                let until = Some(until).filter(|_| overlap != SecretOverlap::None);
                Ok(secret_page(self.visit, self.member, &application, &secret, until))
            }
            Ok(None) => Err(unknown()),
            Err(Error::Refused(Refusal::Stale)) => self.page(&typed, false, problem("secret", Wrong::Stale)).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the secret that overlaps with the one the application has.
    async fn expire(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        let (id, by) = (self.application.id, self.member.by(self.visit));
        match self.visit.env.expire_previous_secret(id, &expected(fields), &by).await {
            Ok(Some(_)) => Ok(say(&self.member.path_of(id), Done::SecretEnded)),
            Ok(None) => Err(unknown()),
            Err(Error::Refused(Refusal::Stale)) => {
                self.page(&draft::as_typed(&self.application), false, problem("secret", Wrong::Stale)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn revoke(self, fields: &Fields) -> Result<HttpResponse, Failure> {
        let id: Option<Id<StaticToken>> = fields.one("token").and_then(|id| id.parse().ok());
        let token = self.visit.env.static_token(id.ok_or_else(unknown)?).await?;
        let token = token.filter(|token| token.application_id == self.application.id).ok_or_else(unknown)?;
        match self.visit.env.revoke_static_token(token.id, &self.member.by(self.visit)).await? {
            true => Ok(say(&self.member.path_of(self.application.id), Done::Revoked)),
            false => Err(unknown()),
        }
    }

    async fn page(&self, typed: &Typed, added: bool, problems: Vec<Problem>) -> Result<HttpResponse, Failure> {
        let Self { visit, member, application, .. } = self;
        let offered = offered(visit, member, &self.server, &application.permissions).await?;
        let (csrf, path) = (visit.csrf(Purpose::Application), member.path_of(application.id));
        let (tokens, more_tokens) = self.tokens(&path).await?;
        let address = current_address(visit).map(|address| address.to_string());
        let place = member.place(visit);
        let page = ApplicationPage {
            frame: visit.frame(),
            place,
            form: visit.own_form(&path, &csrf),
            version: &self.version,
            name: &application.name,
            client_id: &application.client_id,
            grant: application.grant_type,
            resource_server: &self.server.name,
            created: Moment(application.created_at),
            changed: Moment(application.updated_at),
            previous_secret: application.previous_secret_until(visit.now).map(Moment),
            example: &example(visit, application),
            settings: Form {
                frame: visit.frame(),
                organization: Name(&member.name),
                typed,
                grant: Some(application.grant_type),
                servers: &[],
                most_servers: None,
                offered: &offered,
                current_address: address.as_deref(),
                added,
                problems: &problems,
            },
            tokens: &tokens,
            more_tokens: more_tokens.as_deref(),
            deletion: &format!("{path}/delete"),
            problems: &problems,
        };
        Ok(show::page(status(&problems), &page))
    }

    async fn tokens(&self, path: &str) -> Result<(Vec<Token>, Option<String>), Failure> {
        if self.application.grant_type == ApplicationGrant::AuthorizationCode {
            return Ok((Vec::new(), None));
        }
        let filter = StaticTokenFilter { application_id: Some(self.application.id), ..Default::default() };
        let mut rows = self.visit.env.static_tokens(filter, page_after(self.request, "tokens")).await?.rows;
        let more = cut(&mut rows, path, "tokens", |token| token.id);
        let tokens = rows.into_iter().map(|token| Token {
            id: token.id.to_string(),
            prefix: token.prefix,
            created: Moment(token.created_at),
            last_used: token.last_used_at.map(Moment),
            last_ip: token.last_used_ip,
        });
        Ok((tokens.collect(), more))
    }
}

fn change(settings: Judged) -> ApplicationChange {
    ApplicationChange {
        name: Some(settings.name),
        redirect_uri: settings.redirect_uri,
        ip_allow_list: Some(settings.ip_allow_list),
        ip_allow_list_mode: Some(settings.ip_allow_list_mode),
        permissions: Some(settings.permissions),
        notification_emails: Some(settings.notification_emails),
    }
}
