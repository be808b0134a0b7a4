//! The endpoints that people meet with their browsers: sign-in, registration, consent, sign-out. Each finds out who is
//! there (a [`Visit`]), asks the engine, and shows what it says.

mod account;
mod again;
mod authorize;
mod consent;
mod fault;
mod invitation;
mod invitation_answer;
mod login;
mod logout;
mod organization;
mod mailbox;
mod register;
mod show;
mod userinfo;
mod visit;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    dev::HttpServiceFactory,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use crate::{
    oauth::{cors, get, get_only, post_only, reply},
    pages::assets,
};
use visit::Visit;

/// Mounts the pages and what belongs to them.
pub(crate) fn configure(cfg: &mut ServiceConfig) {
    cfg.service(either("/oauth/authorize").route(get().to(authorize::get)).route(web::post().to(authorize::post)))
        .service(userinfo_endpoint())
        .service(either("/oauth/logout").route(get().to(logout::get)).route(web::post().to(logout::post)))
        .service(either("/login").route(get().to(login::get)).route(web::post().to(login::post)))
        .service(post_only("/consent").route(web::post().to(consent::post)))
        .service(post_only("/account").route(web::post().to(account::post)))
        .service(post_only("/organization").route(web::post().to(organization::post)))
        .service(get_only("/invitations/{id}").route(get().to(invitation::get)))
        .service(post_only("/invitations/{id}/accept").route(web::post().to(invitation::accept)))
        .service(post_only("/invitations/{id}/decline").route(web::post().to(invitation::decline)))
        .service(post_only("/logout").route(web::post().to(logout::confirm)))
        .service(either("/register").route(get().to(register::email_page)).route(web::post().to(register::begin)))
        .service(
            either("/register/verify").route(get().to(register::code_page)).route(web::post().to(register::verify)),
        )
        .service(post_only("/register/complete").route(web::post().to(register::complete)))
        .service(get_only("/assets/{version}/{name}").route(get().to(asset)));
}

/// Mounts the page that shows developers the mails that left.
pub(crate) fn configure_mailbox(cfg: &mut ServiceConfig) {
    cfg.service(get_only("/dev/mailbox").route(get().to(mailbox::get)));
}

/// Userinfo, which scripts of registered origins may use.
fn userinfo_endpoint() -> impl HttpServiceFactory + 'static {
    let endpoint = either("/oauth/userinfo").route(get().to(userinfo::get)).route(web::post().to(userinfo::post));
    endpoint.wrap(from_fn(cors::registered))
}

/// A resource that answers other methods than GET, HEAD and POST with 405.
fn either(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { reply::method_not_allowed("GET, HEAD, POST") }))
}

async fn asset(request: HttpRequest) -> HttpResponse {
    match assets::find(request.path()) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.content_type))
            .insert_header((CACHE_CONTROL, assets::CACHE_CONTROL))
            .body(asset.bytes),
        None => HttpResponse::NotFound().insert_header((CACHE_CONTROL, "no-store")).finish(),
    }
}
