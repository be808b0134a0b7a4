//! docs/policy-matrix.md: what every route answers to every kind of caller, filled by real requests.

use std::{collections::BTreeMap, env, fmt::Write as _, fs};

use paylent_api::{ENDPOINTS, Endpoint};
use paylent_domain::permission::{name_of, system_permissions};
use paylent_tests::both;

use crate::support::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy-matrix.md");
const REWRITE: &str = "UPDATE_DOCS=1 cargo test -p paylent-tests --test server policy_matrix";

/// Each kind of caller: the head of its column, and who it is.
const CALLERS: [(&str, &str); 7] = [
    ("no token", "Somebody without an access token."),
    ("no permission", "A user whose roles hold no permission, with a token for every scope."),
    ("read-only", "A user whose role holds every `:read` permission in the environment, with a token for every scope."),
    (
        "only this",
        "A user who holds one permission of the Management API, the one in the second column, with a token for the \
         one scope that goes with it. 403 in this column means that the route takes a second right: to read what hangs \
         on a resource takes the right to read the other end too, and to replace a relationship the rights to add to \
         it and to remove from it.",
    ),
    (
        "own organization",
        "A member who holds every permission, but through a membership: in one organization and nowhere else. Asks \
         about that organization and its rows, and about rows of the environment.",
    ),
    (
        "other organization",
        "The same member. Asks about another organization and its rows. Lists are answered, without the other \
         organization's rows.",
    ),
    ("admin", "A user with the role `admin` of the environment, which holds every permission."),
];

/// What one caller was answered at each route.
type Column = BTreeMap<(&'static str, &'static str), u16>;

/// Asks every route about these samples. `caller` says who asks.
async fn column<'a>(samples: &Samples, caller: impl Fn(&Endpoint) -> &'a Caller<'a>) -> Column {
    let mut column = Column::new();
    for (route, asking) in samples.routes() {
        let reply = caller(route).ask(&asking).await;
        assert!(reply.status < 500, "{} {}: {}", route.method, route.path, reply.text);
        column.insert((route.method, route.path), reply.status);
    }
    column
}

fn right_of(route: &Endpoint) -> String {
    name_of(route.resource, route.action)
}

/// The permissions that guard nothing here, but that the samples' roles hold: nobody gives what they lack.
fn custom(tag: &str) -> [String; 2] {
    ["read", "other"].map(|action| format!("{tag}:{action}"))
}

/// For each right of the API, somebody who holds it alone.
async fn specialists<'a>(server: &'a TestServer, tag: &str) -> BTreeMap<String, Caller<'a>> {
    let custom = custom(tag);
    let mut callers = BTreeMap::new();
    for right in ENDPOINTS.iter().map(right_of) {
        if callers.contains_key(&right) {
            continue;
        }
        let held: Vec<&str> = custom.iter().chain([&right]).map(String::as_str).collect();
        let machine = server.machine_with(&server.acme, &held).await;
        let scope = right.replace(":create", ":write").replace(":update", ":write");
        let token = server.token(&server.acme, &machine, &[("scope", &scope)]).await;
        callers.insert(right, server.bearer(&server.acme, &token));
    }
    callers
}

/// The columns, in the order of [`CALLERS`].
async fn columns(server: &TestServer) -> [Column; 7] {
    let admin = server.admin(&server.acme).await;
    let (shared, own, single) =
        (admin.samples("shared").await, admin.samples("own").await, admin.samples("single").await);
    let reads: Vec<String> = system_permissions().filter(|name| name.ends_with(":read")).collect();
    let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
    let all: Vec<String> = system_permissions().chain(custom("own")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let (anonymous, powerless) = (server.anonymous(&server.acme), server.caller_with(&server.acme, &[]).await);
    let reader = server.caller_with(&server.acme, &reads).await;
    let specialists = specialists(server, "single").await;
    let member = server.member_with(&admin, &own.of("organizations").id, &all).await.caller;
    let refused = [
        column(&shared, |_| &anonymous).await,
        column(&shared, |_| &powerless).await,
        column(&shared, |_| &reader).await,
    ];
    let [anonymous, powerless, reader] = refused;
    let only = column(&single, |route| &specialists[&right_of(route)]).await;
    // First what is refused: in the end the member deletes the organization, and the admin everything.
    let other_organization = column(&shared, |_| &member).await;
    let own_organization = column(&own, |_| &member).await;
    let admin = column(&shared, |_| &admin).await;
    [anonymous, powerless, reader, only, own_organization, other_organization, admin]
}

/// What must hold whatever the file says: nobody can accept a change of these.
fn check(columns: &[Column; 7]) {
    let [anonymous, powerless, reader, only, own, other, admin] = columns;
    for route in ENDPOINTS {
        let (at, what) = ((route.method, route.path), format!("{} {}", route.method, route.path));
        let made = if route.method == "POST" && !route.path.contains("{id}") { 201 } else { 200 };
        let is_list = route.method == "GET" && !route.path.contains("{id}");
        assert_eq!((anonymous[&at], powerless[&at], admin[&at]), (401, 403, made), "{what}");
        assert_eq!(reader[&at], if route.method == "GET" { 200 } else { 403 }, "{what}");
        assert!([made, 403].contains(&only[&at]), "{what}");
        let reachable = route.resource.is_of_organizations();
        assert!(own[&at] == 403 || (reachable && own[&at] == made), "{what}");
        assert!([403, 404].contains(&other[&at]) || (reachable && is_list), "{what}");
    }
}

/// The file as it should be.
fn matrix(columns: &[Column; 7]) -> String {
    let mut text = String::from(
        "# Who may do what at the Management API\n\nEvery route under `/api`, and the HTTP status that each kind of \
         caller was answered when the tests last asked. Each request is one that makes sense: about a row that is \
         there, with a body that is accepted. So 200 and 201 mean *allowed*; 401 means *say who you are*; 403 means \
         *you may not*; 404 means *for you this does not exist*.\n\n",
    );
    for (name, about) in CALLERS {
        writeln!(text, "- **{name}**: {about}").unwrap();
    }
    writeln!(
        text,
        "\nThe second column is the permission that the route takes; the token must carry the scope that goes with it \
         (`read` for `:read`, `write` for `:create` and `:update`, `delete` for `:delete`).\n\nThis file is written by \
         a test, which fails when the server answers otherwise. To accept a change: `{REWRITE}`"
    )
    .unwrap();
    let heads = CALLERS.map(|(name, _)| name).join(" | ");
    let mut resource = "";
    for route in ENDPOINTS {
        let first = route.path.split('/').nth(1).unwrap();
        if first != resource {
            resource = first;
            writeln!(text, "\n## {resource}\n\n| route | permission | {heads} |").unwrap();
            writeln!(text, "|---|---|{}", "---:|".repeat(columns.len())).unwrap();
        }
        let cells = columns.iter().map(|column| column[&(route.method, route.path)].to_string());
        let cells = cells.collect::<Vec<_>>().join(" | ");
        writeln!(text, "| `{} {}` | `{}` | {cells} |", route.method, route.path, right_of(route)).unwrap();
    }
    text
}

both! {
    async fn rb_matrix_the_policy_matrix_in_the_documentation_is_what_the_server_does(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let columns = columns(&server).await;
        check(&columns);
        let matrix = matrix(&columns);
        if env::var_os("UPDATE_DOCS").is_some() {
            // Once: the other database is compared when the tests run again.
            if !database.is_postgres() {
                fs::write(FILE, &matrix).unwrap();
            }
            return;
        }
        let documented = fs::read_to_string(FILE).unwrap_or_default();
        let (is, was): (Vec<&str>, Vec<&str>) = (matrix.lines().collect(), documented.lines().collect());
        let added = is.iter().filter(|line| !was.contains(line)).map(|line| format!("+{line}"));
        let gone = was.iter().filter(|line| !is.contains(line)).map(|line| format!("-{line}"));
        let changes = gone.chain(added).collect::<Vec<_>>().join("\n");
        assert!(
            matrix == documented,
            "docs/policy-matrix.md is not what the server does:\n{changes}\nTo accept this: {REWRITE}"
        );
    }
}
