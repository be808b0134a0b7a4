//! Very many users: seeding them, and the way to their lists.
#![cfg(test)]

use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

fn bench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paylent-bench"))
}

/// An empty directory.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A database with the server's schema and the environment `a-test`.
fn database(name: &str) -> (PathBuf, SqliteConnection) {
    let path = directory(name).join("paylent.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let mut migrations: Vec<_> = fs::read_dir(migrations).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    for migration in migrations {
        connection.batch_execute(&fs::read_to_string(migration.join("up.sql")).unwrap()).unwrap();
    }
    let environment = "PRAGMA journal_mode = WAL;
        INSERT INTO environments (id, handle, created_at, updated_at) VALUES (X'01', 'a-test', 0, 0);
        INSERT INTO roles (environment_id, id, name, system, created_at, updated_at)
            VALUES (X'01', X'02', 'viewer', TRUE, 0, 0);";
    connection.batch_execute(environment).unwrap();
    (path, connection)
}

fn seed(database: &Path, users: &str, memberships: &str) -> Output {
    let url = format!("sqlite:{}", database.display());
    let numbers = ["--users", users, "--memberships", memberships, "--organizations", "3"];
    bench().args(["seed-users", "--environment", "a-test", "--database-url", &url]).args(numbers).output().unwrap()
}

fn number(connection: &mut SqliteConnection, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        value: i64,
    }
    let row: Number = sql_query(format!("SELECT ({query}) AS value")).get_result(connection).unwrap();
    row.value
}

#[test]
fn an_environment_is_filled_with_users_roles_and_memberships() {
    let (path, mut connection) = database("filled");
    let output = seed(&path, "2500", "250");
    assert!(output.status.success(), "{output:?}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["kind"], &line["users"], &line["memberships"]), (&"seeded".into(), &2500.into(), &250.into()));
    for (query, expected) in [
        ("SELECT COUNT(*) FROM users", 2500),
        ("SELECT COUNT(DISTINCT email_key) FROM users WHERE email_key = lower(email)", 2500),
        ("SELECT COUNT(*) FROM user_roles", 250),
        ("SELECT COUNT(DISTINCT user_id) FROM memberships", 250),
        ("SELECT COUNT(DISTINCT organization_id) FROM memberships", 3),
        // The order of ids is that of creation.
        ("SELECT COUNT(*) FROM users a JOIN users b ON a.id < b.id AND a.created_at >= b.created_at", 0),
        ("SELECT COUNT(*) FROM pragma_foreign_key_check", 0),
    ] {
        assert_eq!(number(&mut connection, query), expected, "{query}");
    }
}

#[test]
fn seeding_goes_on_where_it_was_broken_off_and_then_has_nothing_to_do() {
    let (path, mut connection) = database("again");
    assert!(seed(&path, "2500", "250").status.success());
    let cut = "DELETE FROM user_roles WHERE user_id > (SELECT id FROM users ORDER BY id LIMIT 1 OFFSET 999);
        DELETE FROM memberships WHERE user_id > (SELECT id FROM users ORDER BY id LIMIT 1 OFFSET 999);
        DELETE FROM users WHERE id > (SELECT id FROM users ORDER BY id LIMIT 1 OFFSET 999);";
    connection.batch_execute(cut).unwrap();
    for told in ["100 % of 2500 users", "a-test has 2500 seeded users already"] {
        let output = seed(&path, "2500", "250");
        assert!(String::from_utf8(output.stderr).unwrap().contains(told), "{told}");
        assert_eq!(number(&mut connection, "SELECT COUNT(*) FROM users"), 2500);
        assert_eq!(number(&mut connection, "SELECT COUNT(*) FROM memberships"), 250);
    }
}

#[test]
fn seeding_needs_its_environment_and_no_more_memberships_than_users() {
    let (path, _) = database("refused");
    let message = |output: Output| String::from_utf8(output.stderr).unwrap();
    assert!(message(seed(&path, "10", "11")).contains("each membership takes a user of its own"));
    let url = format!("sqlite:{}", path.display());
    let unknown = bench().args(["seed-users", "--environment", "b", "--database-url", &url]).output().unwrap();
    assert!(!unknown.status.success());
    assert!(message(unknown).contains("there is no environment b"));
}

/// Answers every request with a token and a page of two users.
fn listing_server() -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let (mut request, mut requests) = ([0; 4096], Vec::new());
        loop {
            let length = connection.read(&mut request).unwrap();
            if length == 0 {
                return requests;
            }
            requests.push(String::from_utf8_lossy(&request[..length]).into_owned());
            let turn = requests.len();
            let user = |name: &str| format!(r#"{{"type":"user","meta":{{"page":{{"cursor":"{name}{turn}"}}}}}}"#);
            let body = format!(r#"{{"access_token":"t","data":[{},{}]}}"#, user("a"), user("b"));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            connection.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    (address, server)
}

#[test]
fn the_deep_page_lies_nine_tenths_down_the_list() {
    let (address, server) = listing_server();
    let out = directory("lists");
    let setup = out.join("setup.json");
    let environment = r#"{"environments":[{"issuer":"http://a.localhost:1","management_api":"http://a.localhost:1/api",
        "client_id":"admin","client_secret":"s"}]}"#;
    fs::write(&setup, environment).unwrap();
    let arguments = ["lists", "--addr", &address, "--users", "10", "--out", out.to_str().unwrap(), "--setup"];
    let output = bench().args(arguments).arg(&setup).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    // The token, and five pages of two to pass nine users.
    let requests = server.join().unwrap();
    assert_eq!(requests.len(), 6);
    assert!(requests[2].contains("&page[after]=b2 "), "{}", requests[2]);
    let file = |operation: &str| fs::read_to_string(out.join(format!("{operation}.http"))).unwrap();
    let deep = file("users_deep_page");
    let starts: Vec<_> = deep.lines().filter(|line| line.starts_with("GET ")).collect();
    assert_eq!(
        starts,
        ["a6", "b6"].map(|cursor| format!("GET /api/users?page[size]=25&page[after]={cursor} HTTP/1.1"))
    );
    assert!(file("users_first_page").starts_with("GET /api/users?page[size]=25 HTTP/1.1\n"));
    assert!(file("users_newest_first").contains("&sort=-created_at "));
    assert!(file("users_with_roles").contains("&include=roles "));
    assert_eq!(file("users_by_email").matches("?filter[email]=").count(), 10);
}
