//! The endpoints that people meet with their browsers: sign-in, consent, sign-out. Each finds out who is there (a
//! [`Visit`]), asks the engine, and shows what it says.

mod account;
mod again;
mod authorize;
mod consent;
mod fault;
mod json;
mod letters;
mod login;
mod logout;
mod password;
mod prove;
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
        .service(either("/password/forgot").route(get().to(password::forgot)).route(web::post().to(password::ask)))
        .service(either("/password/reset").route(get().to(password::form)).route(web::post().to(password::reset)))
        .service(post_only("/logout").route(web::post().to(logout::confirm)))
        .service(get_only("/assets/{version}/{name}").route(get().to(asset)));
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
