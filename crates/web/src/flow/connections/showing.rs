//! What the pages about applications have in common.

use std::net::IpAddr;

use actix_web::HttpResponse;
use paylent_crypto::secret::Secret;
use paylent_domain::{
    Id, Timestamp,
    application::{Application, ApplicationGrant},
    resource_server::ResourceServer,
    scope::Scopes,
};
use paylent_storage::{ConnectionFilter, Page, StaticTokenFilter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    super::{Visit, fault::Failure, show},
    Member,
    granted::scopes,
};
use crate::pages::{
    account::Moment,
    connections::{Offered, SecretPage},
};

/// What is not percent-encoded: the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// From where the request comes, if that is certain.
pub(super) fn current_address(visit: &Visit) -> Option<IpAddr> {
    (!visit.origin.is_disguised).then(|| visit.origin.ip.to_canonical())
}

/// The permissions that the person may give, and those that are given already.
pub(super) async fn offered(
    visit: &Visit,
    member: &Member,
    server: &ResourceServer,
    given: &Scopes,
) -> Result<Vec<Offered>, Failure> {
    let mut offered = scopes(visit, server.id).await?;
    offered.retain(|scope| !server.system || member.may_give(&scope.name) || given.contains(&scope.name));
    Ok(offered)
}

/// How many connections an application has.
pub(super) async fn connections(visit: &Visit, application: Id<Application>) -> Result<i64, Failure> {
    let of = ConnectionFilter { application_id: Some(application), ..Default::default() };
    let counted = Page { limit: 1, counted: true, ..Page::default() };
    Ok(visit.env.application_connections(of, counted).await?.total.unwrap_or_default())
}

/// How many static tokens an application has.
pub(super) async fn static_tokens(visit: &Visit, application: Id<Application>) -> Result<i64, Failure> {
    let of = StaticTokenFilter { application_id: Some(application), ..Default::default() };
    let counted = Page { limit: 1, counted: true, ..Page::default() };
    Ok(visit.env.static_tokens(of, counted).await?.total.unwrap_or_default())
}

/// How a connection is started, or a static token is asked for.
pub(super) fn example(visit: &Visit, application: &Application) -> String {
    let (base, id) = (&visit.env.tenant().base_url, &application.client_id);
    match application.grant_type {
        ApplicationGrant::AuthorizationCode => {
            let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
            let redirect_uri = encode(application.redirect_uri.as_deref().unwrap_or_default());
            // No scope asks for all that the application may have: named, they could make the link longer than it may be.
            format!("{base}/oauth/authorize?response_type=code&client_id={id}&redirect_uri={redirect_uri}&state=STATE")
        }
        ApplicationGrant::ClientCredentials => {
            format!("curl --user {id}:CLIENT_SECRET --data grant_type=client_credentials {base}/oauth/token")
        }
    }
}

/// The one page that shows a secret.
pub(super) fn secret_page(
    visit: &Visit,
    member: &Member,
    application: &Application,
    secret: &Secret,
    old_until: Option<Timestamp>,
) -> HttpResponse {
    let page = SecretPage {
        frame: visit.frame(),
        place: member.place(visit),
        issuer: &visit.env.tenant().base_url,
        client_id: &application.client_id,
        secret: secret.expose(),
        old_until: old_until.map(Moment),
        onward: &member.path_of(application.id),
    };
    show::page(200, &page)
}
