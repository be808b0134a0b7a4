//! People who register: by the requests of front ends, and at the pages.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{browser::*, letters::passcode, *};

pub const JANE: &str = "jane@example.com";

/// A server that believes the front ends' word on where a person is: mails are counted by that, too.
pub async fn start(database: &TestDatabase) -> TestServer {
    TestServer::start_with(database, Setting { proxies: &["127.0.0.1"], ..Setting::default() }).await
}

/// A network that nobody was in before.
pub fn elsewhere() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let [_, b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("10.{b}.{c}.{d}")
}

impl TestServer {
    /// A request of a front end.
    pub fn ask_as_front_end(&self, tenant: &Tenant, path: &str, body: &Value) -> RequestBuilder {
        self.request(tenant, Method::POST, path).json(body)
    }

    /// Asks for a mail, from a network of its own.
    pub async fn register(&self, email: &str) -> Reply {
        let request = self.ask_as_front_end(&self.acme, "/register", &json!({"email": email}));
        Reply::of(request.header("x-forwarded-for", elsewhere())).await
    }

    /// Begins a registration and gives its id.
    pub async fn begin(&self, email: &str) -> String {
        self.register(email).await.is(202).json()["registration_id"].as_str().unwrap().to_owned()
    }

    pub async fn verify(&self, id: &str, passcode: &str) -> Reply {
        Reply::of(self.verification(id, passcode)).await
    }

    pub fn verification(&self, id: &str, passcode: &str) -> RequestBuilder {
        let body = json!({"registration_id": id, "passcode": passcode});
        self.ask_as_front_end(&self.acme, "/register/verify", &body)
    }

    /// Goes as far as the token.
    pub async fn prove(&self, database: &TestDatabase, email: &str) -> String {
        let id = self.begin(email).await;
        let reply = self.verify(&id, &passcode(database, email).await).await.is(200);
        reply.json()["registration_token"].as_str().unwrap().to_owned()
    }

    pub async fn complete(&self, token: &str) -> Reply {
        Reply::of(self.completion(&about(token))).await
    }

    pub fn completion(&self, body: &Value) -> RequestBuilder {
        self.ask_as_front_end(&self.acme, "/register/complete", body)
    }
}

/// What completes a registration.
pub fn about(token: &str) -> Value {
    json!({
        "registration_token": token,
        "first_name": "Jane",
        "last_name": "Doe",
        "password": PASSWORD,
        "password_confirmation": PASSWORD,
    })
}

/// Five codes that are not this one.
pub fn wrong(passcode: &str) -> Vec<String> {
    let right: u32 = passcode.parse().unwrap();
    (1..=5).map(|step| format!("{:06}", (right + step) % 1_000_000)).collect()
}

/// Asserts the error document of these endpoints.
#[track_caller]
pub fn is_refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/json", "no-store"));
    let json = reply.json();
    assert_eq!(json["error"], error, "{}", reply.text);
    assert!(json["error_description"].as_str().unwrap().ends_with('.'), "{}", reply.text);
    assert_eq!(json.as_object().unwrap().len(), 2, "{}", reply.text);
    assert!(reply.headers.get("set-cookie").is_none());
}

/// What somebody says of themself.
pub const PERSON: [(&str, &str); 4] =
    [("first_name", "Jane"), ("last_name", "Doe"), ("password", PASSWORD), ("password_confirmation", PASSWORD)];

/// The hidden fields that a page passes on.
fn passed_on(page: &Reply) -> Vec<(&'static str, String)> {
    let names = ["csrf", "handle", "ui_locales", "registration_id", "registration_token"];
    let there = names.into_iter().filter(|name| page.text.contains(&format!("name=\"{name}\" value=\"")));
    there.map(|name| (name, hidden(page, name))).collect()
}

/// Fills in the form of a page.
pub async fn fill(browser: &Browser<'_>, path: &str, page: &Reply, typed: &[(&str, &str)]) -> Reply {
    let passed_on = passed_on(page);
    let fields: Vec<(&str, &str)> = passed_on.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post(path, &[&fields, typed].concat()).await
}

/// Asks for a code, and goes on to the page that asks for it.
pub async fn to_code(browser: &Browser<'_>, page: &Reply, email: &str) -> Reply {
    let sent = fill(browser, "/register", page, &[("email", email)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = browser.get(sent.header("location")).await;
    is_page(&page, 200);
    page
}
