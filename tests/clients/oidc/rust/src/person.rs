//! A person with a browser, and the clients they sign in to.
//!
//! `PAYLENT_TEST_API` and `PAYLENT_TEST_TOKEN` are as for the walks; `PAYLENT_TEST_EMAIL` and `PAYLENT_TEST_PASSWORD`
//! are the person's.

use std::{cell::RefCell, collections::BTreeMap};

use openidconnect::{
    HttpRequest, HttpResponse,
    http::{Request, Uri, header},
    url::{Url, form_urlencoded::Serializer},
};
use serde_json::{Value, json};
use ureq::Agent;

pub const CALLBACK: &str = "https://app.example/callback";
pub const SIGNED_OUT: &str = "https://app.example/signed-out";

pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Sends a request over a plain connection, and follows nothing.
pub fn send(request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let config = Agent::config_builder().max_redirects(0).http_status_as_error(false);
    let (mut parts, body) = request.into_parts();
    parts.uri = parts.uri.to_string().replace("https://", "http://").parse::<Uri>().unwrap();
    let agent = config.build().new_agent();
    let response = match body.is_empty() {
        true => agent.run(Request::from_parts(parts, ()))?,
        false => agent.run(Request::from_parts(parts, body))?,
    };
    let (parts, mut body) = response.into_parts();
    Ok(HttpResponse::from_parts(parts, body.read_to_vec()?))
}

/// Registers a client that signs people in: its `client_id` and, if it has one, its secret.
pub fn register(attributes: Value) -> (String, Option<String>) {
    let mut all = json!({
        "name": "openidconnect",
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [SIGNED_OUT],
        "grant_types": ["authorization_code", "refresh_token"],
    });
    all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    let body = json!({"data": {"type": "client", "attributes": all}}).to_string();
    let request = Request::post(format!("{}/clients", setting("PAYLENT_TEST_API")))
        .header(header::AUTHORIZATION, format!("Bearer {}", setting("PAYLENT_TEST_TOKEN")))
        .header(header::CONTENT_TYPE, "application/vnd.api+json")
        .body(body.into_bytes());
    let response = send(request.unwrap()).unwrap();
    assert_eq!(response.status(), 201, "{}", String::from_utf8_lossy(response.body()));
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    let text = |pointer| document.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    (text("/data/attributes/client_id").unwrap(), text("/meta/client_secret"))
}

pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Keeps cookies, fills in Paylent's forms, and stops where it is sent to the client.
#[derive(Default)]
pub struct Browser {
    cookies: RefCell<BTreeMap<String, String>>,
}

enum Place {
    Page(Url, String),
    Client(Url),
}

impl Browser {
    /// Follows a request to the client's address: signs in and agrees where it is asked to.
    pub fn follow(&self, url: Url) -> Url {
        let mut place = self.visit(url, None);
        for _ in 0..4 {
            match place {
                Place::Client(url) => return url,
                Place::Page(url, html) => place = self.answer(&url, &html),
            }
        }
        panic!("the forms do not end");
    }

    fn visit(&self, url: Url, form: Option<String>) -> Place {
        let cookies = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let request = if form.is_some() { Request::post(url.as_str()) } else { Request::get(url.as_str()) }
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = send(request.body(form.unwrap_or_default().into_bytes()).unwrap()).unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        self.cookies.borrow_mut().retain(|_, value| !value.is_empty());
        let Some(location) = response.headers().get(header::LOCATION) else {
            return Place::Page(url, String::from_utf8(response.into_body()).unwrap());
        };
        let next = url.join(location.to_str().unwrap()).unwrap();
        if next.origin() == url.origin() { self.visit(next, None) } else { Place::Client(next) }
    }

    fn answer(&self, url: &Url, html: &str) -> Place {
        let mut form = Serializer::new(String::new());
        let tags = html.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
        for tag in tags.filter(|tag| tag.contains("type=\"hidden\"") || tag.ends_with(" checked")) {
            form.append_pair(attribute(tag, "name"), attribute(tag, "value"));
        }
        if html.contains("name=\"password\"") {
            form.append_pair("email", &setting("PAYLENT_TEST_EMAIL"));
            form.append_pair("password", &setting("PAYLENT_TEST_PASSWORD"));
        } else {
            assert!(html.contains("name=\"decision\""), "neither sign-in nor consent: {html}");
            form.append_pair("decision", "allow");
        }
        let action = html.split("<form").nth(1).map(|rest| attribute(rest, "action")).unwrap();
        self.visit(url.join(action).unwrap(), Some(form.finish()))
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
    rest.split('"').next().unwrap()
}
