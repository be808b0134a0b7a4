//! Every route there is, by the table that requests are routed by: one that accepts a token asks the allow list of the
//! token's application. A new route is walked as soon as it is mounted. Catalogue section A18.

use std::collections::BTreeSet;

use actix_web::{App, HttpRequest, test, web};
use paylent_server::app;
use paylent_tests::both;
use reqwest::RequestBuilder;

use crate::support::{applications::*, browser::*, *};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// How a token is presented (RFC 6750 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Header,
    Form,
    Query,
}

/// A request that may present a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Door {
    path: String,
    method: &'static str,
    way: Way,
}

impl Door {
    fn request(&self, server: &TestServer, token: Option<&str>) -> RequestBuilder {
        let path = filled_in(&self.path);
        let query = token.filter(|_| self.way == Way::Query).map(|token| format!("?access_token={token}"));
        let path = format!("{path}{}", query.unwrap_or_default());
        let request = server.request(&server.acme, self.method.parse().unwrap(), &path).header("accept", "*/*");
        match (self.way, token) {
            (Way::Header, Some(token)) => request.bearer_auth(token),
            (Way::Form, token) => request.form(&[("access_token", token.unwrap_or_default())]),
            _ => request,
        }
    }

    /// What of the answer says whether a token counted.
    async fn answer(&self, server: &TestServer, token: Option<&str>) -> (u16, String) {
        let reply = Reply::of(self.request(server, token)).await;
        (reply.status, reply.header("www-authenticate").to_owned())
    }

    /// Whether this token counts here: with it the answer is another than without one, and than with one that is dead.
    async fn accepts(&self, server: &TestServer, token: &str, dead: &str) -> bool {
        let with = self.answer(server, Some(token)).await;
        with != self.answer(server, None).await && with != self.answer(server, Some(dead)).await
    }
}

/// Every path that is mounted, as actix-web's own table has it.
async fn mounted(rooms: &app::Rooms) -> BTreeSet<String> {
    let table = |request: HttpRequest| async move { format!("{:#?}", request.resource_map()) };
    let keys = app::remote_keys(rooms);
    let app = App::new().configure(|cfg| app::mount(cfg, rooms, &keys)).default_service(web::to(table));
    let app = test::init_service(app).await;
    let shown = test::call_and_read_body(&app, test::TestRequest::with_uri("/no/such/path").to_request()).await;
    paths(std::str::from_utf8(&shown).unwrap())
}

/// The patterns of a table that is written with indentation, each behind those of what it is mounted in.
fn paths(table: &str) -> BTreeSet<String> {
    let mut around: Vec<(usize, String)> = Vec::new();
    let mut found = BTreeSet::new();
    for (start, line) in table.lines().zip(table.lines().skip(1)) {
        assert!(!start.contains("patterns: List("), "several patterns of one route are not read here: {line}");
        if start.trim() != "patterns: Single(" {
            continue;
        }
        let depth = start.len() - start.trim_start().len();
        around.retain(|(outer, _)| *outer < depth);
        let prefix = around.last().map_or("", |(_, path)| path.as_str());
        let path = format!("{prefix}{}", line.trim().trim_end_matches(',').trim_matches('"'));
        around.push((depth, path.clone()));
        found.insert(path);
    }
    found
}

/// A path with ids of nothing in the places that it leaves open.
fn filled_in(path: &str) -> String {
    let open = path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    open.fold(path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), &nobody()))
}

/// All that may be asked.
async fn doors(rooms: &app::Rooms) -> Vec<Door> {
    let mut doors = Vec::new();
    for path in mounted(rooms).await.into_iter().filter(|path| !path.is_empty()) {
        for method in METHODS {
            doors.extend([Way::Header, Way::Form, Way::Query].map(|way| Door { path: path.clone(), method, way }));
        }
    }
    doors
}

/// The doors that must be among those that accept a token: what this test would overlook if it read the table wrongly.
fn known() -> BTreeSet<Door> {
    let api =
        paylent_api::ENDPOINTS.iter().map(|endpoint| (format!("/api{}", endpoint.path), endpoint.method, Way::Header));
    let userinfo = [("GET", Way::Header), ("POST", Way::Header), ("POST", Way::Form)];
    let userinfo = userinfo.map(|(method, way)| ("/oauth/userinfo".to_owned(), method, way));
    api.chain(userinfo).map(|(path, method, way)| Door { path, method, way }).collect()
}

/// Finds the doors that accept tokens of this kind, and uses one from elsewhere at each.
async fn walk(server: &TestServer, application: &Owned, new_token: impl AsyncFn() -> String) -> BTreeSet<Door> {
    let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
    let (token, dead) = (new_token().await, new_token().await);
    assert_eq!(foreign.calls_with(&dead).await, 403);
    let mut accepting = BTreeSet::new();
    for door in doors(&server.rooms).await {
        if door.accepts(&listed, &token, &dead).await {
            accepting.insert(door);
        }
    }
    let told = listed.introspect(&server.acme, &application.client.credentials, &token).await;
    assert_eq!(told.json()["active"], true, "it lived all the way");
    for door in &accepting {
        let token = new_token().await;
        assert_eq!(door.answer(&foreign, Some(&token)).await.0, 403, "{door:?} forgets the allow list");
        assert_eq!(listed.calls_with(&token).await, 401, "{door:?} lets the token live");
        server.clock.advance_seconds(1);
    }
    accepting
}

both! {
    async fn ip_violate_no_route_that_accepts_a_persons_token_forgets_the_allow_list(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let application = server.acme.connectable(|_| ()).await;
        let listed = server.seen_from(LISTED);
        let browser = Browser::new(&listed);
        let new_token = async || {
            let code = browser.code_for(&application.client, AGREED).await;
            let tokens = browser.redeem(&application.client, &code).await.is(200).json();
            text(&tokens, "access_token").to_owned()
        };
        let accepting = walk(&server, &application, new_token).await;
        let overlooked: Vec<_> = known().into_iter().filter(|door| !accepting.contains(door)).collect();
        assert!(overlooked.is_empty(), "not found: {overlooked:?}");
    }

    async fn ip_violate_no_route_that_accepts_a_static_token_forgets_the_allow_list(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let listed = server.seen_from(LISTED);
        let accepting = walk(&server, &application, async || listed.static_token(&application).await).await;
        let api = known().into_iter().filter(|door| door.path.starts_with("/api/"));
        let overlooked: Vec<_> = api.filter(|door| !accepting.contains(door)).collect();
        assert!(overlooked.is_empty(), "not found: {overlooked:?}");
    }

    /// The table holds all that is listed elsewhere.
    async fn ip_violate_the_mounted_routes_are_read_as_they_are(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let paths = mounted(&server.rooms).await;
        let listed = paylent_api::ENDPOINTS.iter().map(|endpoint| format!("/api{}", endpoint.path));
        let listed = listed.chain(paylent_web::FORMS.iter().map(|form| form.path.to_owned()));
        let others = ["/oauth/token", "/oauth/userinfo", "/api/openapi.json", "/health/live", "/assets/{version}/{name}"];
        for path in listed.chain(others.map(str::to_owned)) {
            assert!(paths.contains(&path), "{path} in {paths:?}");
        }
    }
}
