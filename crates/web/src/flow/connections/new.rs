//! `/organizations/{id}/applications/new`: an application is made.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use paylent_crypto::secret::{self, SecretHash, SecretKind, random_bytes};
use paylent_domain::{
    Id,
    application::{Application, ApplicationGrant},
    resource_server::ResourceServer,
};
use paylent_storage::{Error, NewApplication, Order, Page, Refusal, ResourceServerFilter};

use super::{
    super::{Visit, fault::Failure, show, visit::Fields},
    Member, done,
    draft::{self, Judged},
    granted::scopes,
    problem, say,
    showing::{current_address, offered, secret_page},
    shown, status,
};
use crate::{
    Settings,
    csrf::Purpose,
    pages::{
        Name,
        connections::{Done, NewApplicationPage, Problem, Server, Settings as Form, Typed, Wrong},
    },
};

/// How many APIs there are to choose from at most.
const SERVERS: i64 = 200;

/// `GET /organizations/{id}/applications/new`
pub(in crate::flow) async fn get(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let run = async |visit: &mut Visit, member: Member| {
        member.admin()?;
        let id: Id<Application> = Id::new(visit.now, random_bytes()?);
        let typed = Typed { ip_allow_list_mode: "enforce".to_owned(), ..Typed::default() };
        page(visit, &member, id, typed, false, Vec::new()).await
    };
    shown(&request, &settings, run).await
}

/// `POST /organizations/{id}/applications/new`
pub(in crate::flow) async fn post(request: HttpRequest, payload: Payload, settings: Data<Settings>) -> HttpResponse {
    done(&request, payload, &settings, Purpose::NewApplication, answer).await
}

async fn answer(visit: &mut Visit, member: Member, fields: &Fields) -> Result<HttpResponse, Failure> {
    member.admin()?;
    let id = made(visit, fields)?;
    let mut typed = draft::typed(fields);
    match fields.one("action") {
        Some("show_permissions") => page(visit, &member, id, typed, false, Vec::new()).await,
        Some("add_current_address") => {
            let address = current_address(visit);
            if let Some(address) = address {
                draft::add_address(&mut typed, address);
            }
            page(visit, &member, id, typed, address.is_some(), Vec::new()).await
        }
        None | Some("save") => match judge(visit, &member, &typed).await? {
            Ok(plan) => create(visit, &member, id, plan, typed).await,
            Err(problems) => page(visit, &member, id, typed, false, problems).await,
        },
        _ => Err(Failure::malformed("The action cannot be read.")),
    }
}

/// What an application can be made of.
type Plan = (Judged, ApplicationGrant, ResourceServer);

async fn judge(visit: &Visit, member: &Member, typed: &Typed) -> Result<Result<Plan, Vec<Problem>>, Failure> {
    let mut problems = Vec::new();
    let grant = typed.grant_type.parse::<ApplicationGrant>().ok();
    if grant.is_none() {
        problems.push(Problem { field: "grant_type", wrong: Wrong::Grant });
    }
    let server = chosen(visit, typed).await?;
    match (&server, grant) {
        (None, _) => problems.push(Problem { field: "resource_server", wrong: Wrong::ResourceServer }),
        (Some(server), Some(ApplicationGrant::AuthorizationCode)) if !server.allow_offline_access => {
            problems.push(Problem { field: "resource_server", wrong: Wrong::NoRefresh });
        }
        _ => {}
    }
    let known = match &server {
        Some(server) => scopes(visit, server.id).await?,
        None => Vec::new(),
    };
    let is_system = server.as_ref().is_some_and(|server| server.system);
    // Whichever it will be, the rest is judged at once.
    let judged = draft::judge(typed, grant.unwrap_or(ApplicationGrant::AuthorizationCode), &known, |name| {
        !is_system || member.may_give(name)
    });
    Ok(match (judged, grant, server) {
        (Ok(settings), Some(grant), Some(server)) if problems.is_empty() => Ok((settings, grant, server)),
        (judged, ..) => {
            problems.extend(judged.err().into_iter().flatten());
            Err(problems)
        }
    })
}

async fn create(
    visit: &Visit,
    member: &Member,
    id: Id<Application>,
    (settings, grant, server): Plan,
    typed: Typed,
) -> Result<HttpResponse, Failure> {
    let (client_id, secret) = (secret::identifier()?, secret::generate(SecretKind::ClientSecret)?);
    let is_static = grant == ApplicationGrant::ClientCredentials;
    let new = NewApplication {
        id,
        client_id,
        secret_hash: SecretHash::of(secret.expose()),
        organization_id: member.organization,
        resource_server_id: server.id,
        name: settings.name,
        grant_type: grant,
        redirect_uri: settings.redirect_uri,
        ip_allow_list: settings.ip_allow_list,
        ip_allow_list_mode: settings.ip_allow_list_mode,
        permissions: settings.permissions,
        notification_emails: settings.notification_emails,
        service_user: if is_static { Some(Id::new(visit.now, random_bytes()?)) } else { None },
    };
    match visit.env.create_application(new, &member.by(visit)).await {
        Ok(application) => Ok(secret_page(visit, member, &application, &secret, None)),
        // The form came a second time, perhaps with the first on its way. The secret is told once.
        Err(Error::Conflict) => Ok(say(&member.path_of(id), Done::AlreadyMade)),
        Err(Error::Refused(Refusal::NoRefreshTokens)) => {
            page(visit, member, id, typed, false, problem("resource_server", Wrong::NoRefresh)).await
        }
        Err(Error::Reference) => {
            let gone = gone(visit, server.id, &typed).await?;
            page(visit, member, id, typed, false, gone).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The id of what the form makes, as it was given out with the form.
fn made(visit: &Visit, fields: &Fields) -> Result<Id<Application>, Failure> {
    let damaged = || Failure::malformed("The form cannot be read.");
    let (id, voucher) = fields.one("made").and_then(|made| made.split_once('.')).ok_or_else(damaged)?;
    if visit.vouched(id, voucher) { id.parse().map_err(|_| damaged()) } else { Err(damaged()) }
}

/// What was deleted a moment ago: the API, or else a permission of it.
async fn gone(visit: &Visit, server: Id<ResourceServer>, typed: &Typed) -> Result<Vec<Problem>, Failure> {
    if visit.env.resource_server(server).await?.is_none() {
        return Ok(problem("resource_server", Wrong::ResourceServer));
    }
    let wrong = draft::foreign(typed, &scopes(visit, server).await?);
    Ok(problem("permissions", wrong.unwrap_or(Wrong::Stale)))
}

/// The API that was chosen, whether it is among those listed or not.
async fn chosen(visit: &Visit, typed: &Typed) -> Result<Option<ResourceServer>, Failure> {
    match typed.resource_server.parse() {
        Ok(id) => Ok(visit.env.resource_server(id).await?),
        Err(_) => Ok(None),
    }
}

/// The APIs to choose from, by name, and whether there are more of them.
async fn servers(visit: &Visit) -> Result<(Vec<ResourceServer>, bool), Failure> {
    let order = Order { by_name: Some(false), ..Default::default() };
    let page = Page { limit: SERVERS + 1, order, ..Page::default() };
    let mut servers = visit.env.resource_servers(ResourceServerFilter::default(), page).await?.rows;
    let most = usize::try_from(SERVERS).unwrap_or(usize::MAX);
    let is_cut = servers.len() > most;
    servers.truncate(most);
    Ok((servers, is_cut))
}

async fn page(
    visit: &Visit,
    member: &Member,
    id: Id<Application>,
    mut typed: Typed,
    added: bool,
    problems: Vec<Problem>,
) -> Result<HttpResponse, Failure> {
    let (mut servers, is_cut) = servers(visit).await?;
    let chosen = chosen(visit, &typed).await?;
    servers.extend(chosen.clone().filter(|chosen| servers.iter().all(|server| server.id != chosen.id)));
    // Most applications are for an API of the environment's own, so the Management API comes last.
    let chosen = chosen.as_ref().or_else(|| servers.iter().find(|server| !server.system)).or_else(|| servers.first());
    let offered = match chosen {
        Some(server) => {
            typed.resource_server = server.id.to_string();
            offered(visit, member, server, &typed.permissions).await?
        }
        None => Vec::new(),
    };
    let choices = servers.iter().map(|server| Server {
        id: server.id.to_string(),
        name: server.name.clone(),
        identifier: server.identifier.clone().unwrap_or_else(|| visit.env.tenant().management_api()),
    });
    let choices: Vec<Server> = choices.collect();
    let (csrf, address) = (visit.csrf(Purpose::NewApplication), current_address(visit).map(|ip| ip.to_string()));
    let (id, action) = (id.to_string(), format!("/organizations/{}/applications/new", member.organization));
    let place = member.place(visit);
    let page = NewApplicationPage {
        frame: visit.frame(),
        place,
        form: visit.own_form(&action, &csrf),
        made: &format!("{id}.{}", visit.vouch(&id)),
        settings: Form {
            frame: visit.frame(),
            organization: Name(&member.name),
            typed: &typed,
            grant: None,
            servers: &choices,
            most_servers: is_cut.then_some(SERVERS),
            offered: &offered,
            current_address: address.as_deref(),
            added,
            problems: &problems,
        },
        problems: &problems,
    };
    Ok(show::page(status(&problems), &page))
}
