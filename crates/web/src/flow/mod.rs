//! The endpoints that people meet with their browsers: sign-in, registration, consent, sign-out. Each finds out who is
//! there (a [`Visit`]), asks the engine, and shows what it says.

mod account;
mod again;
mod aim;
mod authorize;
mod choice;
mod choose_account;
mod connections;
mod consent;
mod fault;
mod introduction;
mod invitation;
mod invitation_answer;
mod json;
mod letters;
mod login;
mod logout;
mod mailbox;
mod organization;
mod password;
mod prove;
mod register;
mod show;
mod userinfo;
mod visit;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    dev::HttpServiceFactory,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    middleware::{Condition, from_fn},
    web::{self, Payload, ServiceConfig},
};

use crate::{
    Settings,
    oauth::{cors, get, get_only, post_only, reply},
    pages::assets,
};
use fault::Failure;
use visit::{Fields, Visit};

/// Mounts the pages and what belongs to them.
pub(crate) fn configure(cfg: &mut ServiceConfig) {
    cfg.service(acting("/oauth/authorize").route(web::get().to(authorize::get)).route(web::post().to(authorize::post)))
        .service(userinfo_endpoint())
        .service(acting("/oauth/logout").route(web::get().to(logout::get)).route(web::post().to(logout::post)))
        .service(get_only("/invitations/{id}").route(get().to(invitation::get)))
        .service(get_only("/account/data").route(get().to(account::data::get)))
        .service(get_only("/account/data.json").route(get().to(account::data::download)))
        .service(get_only("/organizations/{id}/connections").route(get().to(connections::list::get)))
        .service(get_only("/assets/{version}/{name}").route(get().to(asset)))
        .configure(forms);
}

/// Where forms of the pages are posted to. Each is taken only from our own page, in the browser and the session it was
/// shown in.
#[derive(Debug, Clone, Copy)]
pub struct FormRoute {
    /// The template of its path.
    pub path: &'static str,
    /// Whether it guesses at secrets, or has mails sent, and so gets the small quota.
    pub limited: bool,
    /// Whether front ends can send the same as JSON, from registered origins, too.
    pub speaks_json: bool,
}

impl FormRoute {
    /// The route of this path's template, if forms are posted there.
    #[must_use]
    pub fn at(template: &str) -> Option<&'static Self> {
        FORMS.iter().find(|route| route.path == template)
    }
}

/// Mounts the forms of the pages, and lists them.
macro_rules! forms {
    ($($path:literal: $kind:ident $(get $get:path,)? post $post:path $(, $is:ident)*;)+) => {
        /// Every form of the pages.
        pub const FORMS: &[FormRoute] = &[$({
            let plain = FormRoute { path: $path, limited: false, speaks_json: false };
            FormRoute { $($is: true,)* ..plain }
        }),+];

        fn forms(cfg: &mut ServiceConfig) {
            let speaks_json = |path| FormRoute::at(path).is_some_and(|route| route.speaks_json);
            $({
                let form = $kind($path)$(.route(get().to($get)))?.route(web::post().to($post));
                cfg.service(form.wrap(Condition::new(speaks_json($path), from_fn(cors::front_ends))));
            })+
        }
    };
}

forms! {
    "/login": either get login::get, post login::post, limited;
    "/login/account": post_only post choose_account::post;
    "/consent": post_only post consent::post;
    "/organization": post_only post organization::post;
    "/logout": post_only post logout::confirm;
    "/register": either get register::email_page, post register::begin, limited, speaks_json;
    "/register/verify": either get register::code_page, post register::verify, limited, speaks_json;
    "/register/complete": post_only post register::complete, limited, speaks_json;
    "/password/forgot": either get password::forgot, post password::ask, limited, speaks_json;
    "/password/reset": either get password::form, post password::reset, limited, speaks_json;
    "/invitations/{id}/accept": post_only post invitation::accept, limited, speaks_json;
    "/invitations/{id}/decline": post_only post invitation::decline, limited, speaks_json;
    "/account": either get account::profile::get, post account::profile::post;
    "/account/email": either get account::email::get, post account::email::post, limited;
    "/account/email/confirm": either get account::confirm_email::get, post account::confirm_email::post, limited;
    "/account/password": either get account::password::get, post account::password::post, limited;
    "/account/sessions": either get account::sessions::get, post account::sessions::post;
    "/account/applications": either get account::applications::get, post account::applications::post;
    "/account/applications/{connection}": either get connections::own::get, post connections::own::post;
    "/account/organizations": either get account::organizations::get, post account::organizations::post;
    "/organizations/{id}/connections/{connection}": either get connections::connection::get, post connections::connection::post;
    "/organizations/{id}/applications/new": either get connections::new::get, post connections::new::post;
    "/organizations/{id}/applications/{application}": either get connections::application::get, post connections::application::post;
    "/organizations/{id}/applications/{application}/delete": either get connections::deletion::get, post connections::deletion::post;
    "/account/delete": either get account::deletion::get, post account::deletion::post, limited;
}

/// What the handlers have in common: finds out who is at the browser, and answers with what comes of it.
async fn respond(
    request: &HttpRequest,
    settings: &Settings,
    run: impl AsyncFnOnce(&mut Visit) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let mut visit = match Visit::begin(request, settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let outcome = run(&mut visit).await;
    visit.answer(outcome)
}

/// The same for the form of a page, whose fields are read first.
async fn respond_to_form(
    request: &HttpRequest,
    payload: Payload,
    settings: &Settings,
    run: impl AsyncFnOnce(&mut Visit, &Fields) -> Result<HttpResponse, Failure>,
) -> HttpResponse {
    let read = async |visit: &mut Visit| {
        let fields = visit.read(request, payload).await?;
        run(visit, &fields).await
    };
    respond(request, settings, read).await
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

/// A resource whose GET does something, so that there is no HEAD: one would issue a code or end a session unseen.
fn acting(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { reply::method_not_allowed("GET, POST") }))
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
