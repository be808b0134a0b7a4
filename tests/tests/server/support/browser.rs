//! People at their browsers, and the applications they sign in to.

use std::{cell::RefCell, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::{password::Passwords, secret::fingerprint};
use paylent_domain::{
    client::{ClientType, GrantType},
    user::{NewPerson, PasswordHash},
};
use paylent_storage::NewClient;
use url::{Url, form_urlencoded::Serializer};

use super::{oauth::Registered, *};

pub const EMAIL: &str = "ada@example.com";
pub const CALLBACK: &str = "https://app.example.com/cb?tenant=1";
pub const VERIFIER: &str = "0123456789-0123456789-0123456789-0123456789";
/// The names of the cookies over http.
pub const SESSION: &str = "paylent_session";
pub const BROWSER: &str = "paylent_browser";

/// A browser: it keeps cookies and follows nothing by itself.
pub struct Browser<'a> {
    pub server: &'a TestServer,
    pub tenant: &'a Tenant,
    pub cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub fn new(server: &'a TestServer) -> Self {
        Self { server, tenant: &server.acme, cookies: RefCell::default() }
    }

    /// The same browser, with the same cookies, at another node or environment.
    pub fn at<'b>(&self, server: &'b TestServer, tenant: &'b Tenant) -> Browser<'b> {
        Browser { server, tenant, cookies: self.cookies.clone() }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// A request with the browser's cookies.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.server.request(self.tenant, method, path);
        let cookies = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        match cookies.is_empty() {
            true => request,
            false => request.header("cookie", cookies.join("; ")),
        }
    }

    /// Sends a request that [`request`](Self::request) made, and keeps the cookies of the answer.
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let reply = Reply::of(request).await;
        for cookie in reply.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"), "{attributes}");
            assert_eq!(attributes.contains("Secure"), pair.starts_with("__Host-"), "{attributes}");
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => self.cookies.borrow_mut().remove(name),
                _ => self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned()),
            };
        }
        reply
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// A form of our own page.
    pub fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::POST, path).header("origin", "null").header("sec-fetch-site", "same-origin").form(form)
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.send(self.form(path, form)).await
    }

    /// Posts a form of the page at this path, with what the page hides in it and with what is said here.
    pub async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Reply {
        let shown = self.get(page).await.is(200);
        self.submit_from(&shown, action, fields).await
    }

    /// The same from a page that is open.
    pub async fn submit_from(&self, shown: &Reply, action: &str, fields: &[(&str, &str)]) -> Reply {
        let mut form: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        for name in ["csrf", "made", "version"] {
            if shown.text.contains(&format!("name=\"{name}\"")) {
                form.push((name, hidden(shown, name)));
            }
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(action, &form).await
    }

    /// Asks for a code, with PKCE. What `change` names takes the place of what is usual; an empty value leaves it out.
    pub async fn authorize(&self, client: &Registered, change: &[(&str, &str)]) -> Reply {
        self.get(&authorization(client, change)).await
    }

    /// Fills in the sign-in page.
    pub async fn sign_in(&self, page: &Reply, email: &str, password: &str) -> Reply {
        self.send(self.sign_in_form(page, email, password)).await
    }

    pub fn sign_in_form(&self, page: &Reply, email: &str, password: &str) -> RequestBuilder {
        let form = [
            ("email", email),
            ("password", password),
            ("handle", &hidden(page, "handle")),
            ("csrf", &hidden(page, "csrf")),
        ];
        self.form("/login", &form)
    }

    /// Answers the consent page as it is, with every box ticked.
    pub async fn decide(&self, page: &Reply, decision: &str) -> Reply {
        let scopes = page.text.split("name=\"scope\" value=\"").skip(1);
        let ticked: Vec<&str> = scopes.map(|rest| rest.split('"').next().unwrap()).collect();
        self.decide_on(page, decision, &ticked).await
    }

    /// Answers the consent page with these boxes ticked.
    pub async fn decide_on(&self, page: &Reply, decision: &str, ticked: &[&str]) -> Reply {
        self.send(self.decision(page, decision, ticked)).await
    }

    pub fn decision(&self, page: &Reply, decision: &str, ticked: &[&str]) -> RequestBuilder {
        let (handle, csrf) = (hidden(page, "handle"), hidden(page, "csrf"));
        let mut form = vec![("decision", decision), ("handle", &handle), ("csrf", &csrf)];
        form.extend(ticked.iter().map(|scope| ("scope", *scope)));
        self.form("/consent", &form)
    }

    /// Goes through whatever pages there are as Ada, who allows everything, to what the client gets to know.
    pub async fn answers(&self, client: &Registered, change: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut reply = self.authorize(client, change).await;
        if reply.status == 200 && reply.text.contains("name=\"password\"") {
            reply = self.sign_in(&reply, EMAIL, PASSWORD).await;
        }
        if reply.status == 200 && reply.text.contains("name=\"decision\"") {
            reply = self.decide(&reply, "allow").await;
        }
        parameters(&reply)
    }

    /// A code, by way of whatever pages there are.
    pub async fn code(&self, client: &Registered) -> String {
        self.code_for(client, &[]).await
    }

    /// A code for a request that is not quite the usual.
    pub async fn code_for(&self, client: &Registered, change: &[(&str, &str)]) -> String {
        let answers = self.answers(client, change).await;
        answers.get("code").unwrap_or_else(|| panic!("no code: {answers:?}")).clone()
    }

    /// Tokens, by way of whatever pages there are.
    pub async fn tokens(&self, client: &Registered) -> Value {
        let code = self.code(client).await;
        self.redeem(client, &code).await.is(200).json()
    }

    /// A token request that authenticates as this client does.
    pub fn ask(&self, client: &Registered, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let post = self.server.request(self.tenant, Method::POST, path);
        match client.credentials.1.as_str() {
            "" => post.form(&[form, &[("client_id", client.credentials.0.as_str())]].concat()),
            secret => post.basic_auth(&client.credentials.0, Some(secret)).form(form),
        }
    }

    pub async fn exchange(&self, client: &Registered, form: &[(&str, &str)]) -> Reply {
        Reply::of(self.ask(client, "/oauth/token", form)).await
    }

    pub fn redemption(&self, client: &Registered, code: &str) -> RequestBuilder {
        self.ask(client, "/oauth/token", &exchange_form(code))
    }

    pub async fn redeem(&self, client: &Registered, code: &str) -> Reply {
        Reply::of(self.redemption(client, code)).await
    }

    pub fn refreshment(&self, client: &Registered, token: &str) -> RequestBuilder {
        self.ask(client, "/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    pub async fn refresh(&self, client: &Registered, token: &str) -> Reply {
        Reply::of(self.refreshment(client, token)).await
    }

    pub async fn revoke(&self, client: &Registered, token: &str) -> Reply {
        Reply::of(self.ask(client, "/oauth/revoke", &[("token", token)])).await
    }

    /// Whether introspection says that the token is good.
    pub async fn is_active(&self, client: &Registered, token: &str) -> bool {
        let reply = Reply::of(self.ask(client, "/oauth/introspect", &[("token", token)])).await.is(200).json();
        reply["active"].as_bool().unwrap()
    }

    pub async fn userinfo(&self, token: &str) -> Reply {
        Reply::of(self.server.request(self.tenant, Method::GET, "/oauth/userinfo").bearer_auth(token)).await
    }

    /// Whether somebody is signed in here.
    pub async fn is_signed_in(&self, client: &Registered) -> bool {
        let reply = self.authorize(client, &[("prompt", "none")]).await;
        parameters(&reply).get("error").is_none_or(|error| error != "login_required")
    }
}

/// The usual path and query of an authorization request, changed.
pub fn authorization(client: &Registered, change: &[(&str, &str)]) -> String {
    let challenge = challenge(VERIFIER);
    let usual = [
        ("response_type", "code"),
        ("client_id", &client.credentials.0),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile email"),
        ("state", "s t/1"),
        ("nonce", "n-1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let mut query = Serializer::new(String::new());
    let kept = usual.iter().filter(|(name, _)| change.iter().all(|(changed, _)| changed != name));
    query.extend_pairs(kept);
    query.extend_pairs(change.iter().filter(|(_, value)| !value.is_empty()));
    format!("/oauth/authorize?{}", query.finish())
}

/// The challenge of a verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(fingerprint(verifier.as_bytes()))
}

/// The parameters with which the usual code is exchanged.
pub fn exchange_form(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]
}

/// The claims of a token, unchecked.
pub fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// A member of an answer that is text.
pub fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name}"))
}

/// The value of a hidden field.
pub fn hidden(page: &Reply, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.text.split_once(&start).unwrap_or_else(|| panic!("no {name}: {} {}", page.status, page.text)).1;
    rest.split('"').next().unwrap().to_owned()
}

/// The text of the element with this id.
pub fn element(page: &Reply, id: &str) -> String {
    let start = format!("id=\"{id}\">");
    let rest = page.text.split_once(&start).unwrap_or_else(|| panic!("no {id}: {}", page.text)).1;
    rest.split('<').next().unwrap().to_owned()
}

/// What a redirect to the client says.
#[track_caller]
pub fn parameters(reply: &Reply) -> BTreeMap<String, String> {
    assert_eq!(reply.status, 303, "{}", reply.text);
    assert_eq!((reply.header("cache-control"), reply.header("referrer-policy")), ("no-store", "no-referrer"));
    assert_eq!(reply.headers.get_all("location").iter().count(), 1);
    let location = reply.header("location");
    assert!(location.starts_with(&format!("{CALLBACK}&")), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

/// Asserts an error that goes back to the client, in the catalogue's notation `REDIR(code)`.
#[track_caller]
pub fn is_returned(server: &TestServer, reply: &Reply, error: &str) {
    let told = parameters(reply);
    assert_eq!(told.get("error").map(String::as_str), Some(error), "{told:?}");
    assert_eq!((told["iss"].as_str(), told["state"].as_str()), (server.acme.issuer().as_str(), "s t/1"));
    assert!(!told.contains_key("code") && !told.contains_key("access_token") && !told.contains_key("id_token"));
    assert!(!reply.header("location").contains('#'));
}

/// Asserts a page for people that leads nowhere.
#[track_caller]
pub fn is_page(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    assert_eq!((reply.header("location"), reply.header("cache-control")), ("", "no-store"));
    is_protected(reply);
}

/// Asserts the headers that keep what people see from being framed, sniffed or made to run foreign code.
#[track_caller]
pub fn is_protected(reply: &Reply) {
    assert_eq!(reply.header("x-frame-options"), "DENY");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("referrer-policy"), "no-referrer");
    assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin");
    assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    assert!(reply.headers.get("server").is_none());
    if reply.header("content-type").starts_with("text/html") {
        let policy = reply.header("content-security-policy");
        for directive in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|part| part == directive), "{directive} in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        let form_action = policy.split("; ").find(|part| part.starts_with("form-action"));
        let is_known = matches!(form_action, None | Some("form-action 'none'" | "form-action 'self'"));
        assert!(is_known && (form_action != Some("form-action 'none'") || !reply.text.contains("<form")), "{policy}");
    }
}

/// An application that people sign in to, with PKCE required.
pub async fn application(tenant: &Tenant, client_type: ClientType) -> Registered {
    application_with(tenant, client_type, |_| {}).await
}

/// An application that is not quite the usual.
pub async fn application_with(
    tenant: &Tenant,
    client_type: ClientType,
    change: impl FnOnce(&mut NewClient),
) -> Registered {
    let usual = |client: &mut NewClient| {
        client.name = "Ledger".to_owned();
        client.client_type = client_type;
        client.redirect_uris = vec![CALLBACK.to_owned()];
        client.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
        client.first_party = false;
        client.require_pkce = true;
        client.user = None;
        if client_type == ClientType::Public {
            client.secret_hash = None;
        }
        change(client);
    };
    let mut client = tenant.add_client(usual).await;
    if client_type == ClientType::Public {
        client.credentials.1.clear();
    }
    client
}

/// Lets the people who run acme's environment decide this, and waits until it holds.
pub async fn decide(server: &TestServer, settings: Value) {
    let admin = server.admin(&server.acme).await;
    let id = admin.get("environment").await.is(200).id();
    admin.patch("environment", &change("environment", &id, settings)).await.is(200);
    server.clock.advance_seconds(5);
}

/// Somebody who signs in with [`PASSWORD`], and their id.
pub async fn person(tenant: &Tenant, email: &str) -> String {
    let password = PasswordHash(Passwords::insecure_for_tests().hash(PASSWORD).unwrap());
    let person = NewPerson { password, ..seed::person(email) };
    tenant.seeded.env.create_person(person, &seed::by()).await.unwrap().id.to_string()
}

/// A confidential client, and Ada, who has a password.
pub async fn scene(tenant: &Tenant) -> Registered {
    person(tenant, EMAIL).await;
    application(tenant, ClientType::Confidential).await
}
