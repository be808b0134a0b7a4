//! The description of the API: OpenAPI 3.1, made from the endpoint table and the schemas that check requests.

mod describe;
mod examples;
mod names;
pub(crate) mod operation;
mod parameters;
pub(crate) mod property;
mod resources;
mod responses;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ALLOW, CACHE_CONTROL},
    },
    web::Bytes,
};
use paylent_domain::policy::management_scopes;
use paylent_jsonapi::media_type::MEDIA_TYPE as JSON_API;
use utoipa::openapi::{
    Components, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Schema, Server,
    Tag,
    security::{ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes, SecurityScheme},
    tag::TagBuilder,
};

use self::property::Documented;
use crate::{ENDPOINTS, failure::Failure};

/// Where it is served, under `/api`.
pub(crate) const PATH: &str = "/openapi.json";
/// The security scheme that names scopes.
const OAUTH: &str = "oauth2";
/// The security scheme of the header alone.
const BEARER: &str = "bearer";
/// How long readers may keep the document.
const AGE: &str = "public, max-age=300";
const ALLOWED: &str = "GET, HEAD, OPTIONS";

const ABOUT: &str = "\
The Management API of one environment speaks [JSON:API 1.1](https://jsonapi.org/format/1.1/).

What a call may do is the access token's scope and the permission of the token's user, both. Nobody gives away what they \
lack: calls that hand out rights also need the rights that are handed out.

A filter may be written with its operator, as in `filter[name][eq]=x`. Of `filter[id]=a,b` either matches. Several \
filters must all hold. A value that its field cannot have matches nothing.

`HEAD` answers like `GET`, and `OPTIONS` tells the methods of a path. Members beginning with `@` are ignored.";

/// The parts of the description that operations share.
#[derive(Default)]
pub(crate) struct Parts {
    components: Components,
    tags: Vec<Tag>,
}

impl Parts {
    /// Adds a schema, unless there is one of this name, and refers to it.
    fn add<S: Into<RefOr<Schema>>>(&mut self, name: &str, schema: impl FnOnce() -> S) -> Ref {
        if !self.components.schemas.contains_key(name) {
            self.components.schemas.insert(name.to_owned(), schema().into());
        }
        schemas::schema(name)
    }

    /// Adds the tag of a resource.
    fn tag<E: Documented>(&mut self) {
        self.tags.push(TagBuilder::new().name(E::MANAGED.path()).description(Some(E::ABOUT)).build());
    }
}

/// `GET /api/openapi.json`, for anybody.
pub(crate) async fn answer(request: HttpRequest) -> HttpResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| describe().to_json().unwrap_or_default().into());
    match *request.method() {
        Method::GET | Method::HEAD => HttpResponse::Ok()
            .content_type("application/json")
            .insert_header((CACHE_CONTROL, AGE))
            .body(DOCUMENT.clone()),
        Method::OPTIONS => HttpResponse::NoContent().insert_header((ALLOW, ALLOWED)).finish(),
        _ => Failure::MethodNotAllowed(ALLOWED.to_owned()).response(&request),
    }
}

fn describe() -> OpenApi {
    let (mut parts, mut paths) = (Parts::default(), Paths::new());
    schemas::shared(&mut parts);
    for endpoint in ENDPOINTS {
        let operation = (endpoint.describe)(endpoint, &mut parts);
        paths.add_path_operation(
            format!("/api{}", endpoint.path),
            method(endpoint.method).into_iter().collect(),
            operation,
        );
    }
    let mut components = parts.components;
    for (name, response) in responses::failings() {
        components.responses.insert(name.to_owned(), response.into());
    }
    for (name, scheme) in security() {
        components.add_security_scheme(name, scheme);
    }
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Paylent Management API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .paths(paths)
        .components(Some(components))
        .tags(Some(parts.tags))
        .build()
}

fn method(name: &str) -> Option<HttpMethod> {
    match name {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PATCH" => Some(HttpMethod::Patch),
        "DELETE" => Some(HttpMethod::Delete),
        _ => None,
    }
}

fn security() -> [(&'static str, SecurityScheme); 2] {
    let scopes: Scopes = management_scopes()
        .map(|scope| {
            let (resource, verb) = scope.split_once(':').unwrap_or((&scope, ""));
            let description = format!("To {verb} {}.", names::spaced(resource));
            (scope, description)
        })
        .collect();
    let flow = Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes));
    let oauth = OAuth2::with_description([flow], "Ask with `resource` set to the address of `/api` (RFC 8707).");
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An access token for `/api`."));
    [(OAUTH, SecurityScheme::OAuth2(oauth)), (BEARER, SecurityScheme::Http(bearer.build()))]
}
