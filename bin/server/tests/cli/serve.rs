use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use paylent_tests::smtp::Received;
use serde_json::Value;

use crate::paylent::{Server, Site, connect, get, mode, post};

#[test]
fn an_empty_server_says_how_to_begin_and_one_with_an_account_does_not() {
    let site = Site::new();
    let server = site.serve();
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    let stopped = server.stop().expect_code(0);
    let command = "setup --account acme --admin-email you@example.com --admin-password-stdin --listen 127.0.0.1:0";
    assert!(stopped.out.contains(command), "{}", stopped.out);
    assert!(stopped.out.contains("Base URL  http://localhost:") && stopped.out.contains("sqlite:data/paylent.db"));
    assert_eq!(mode(&site.path("data/master.key")), 0o600);

    site.set_up("acme", &[]).expect_code(0);
    let stopped = site.serve().stop().expect_code(0);
    assert!(!stopped.out.contains("setup"), "{}", stopped.out);
}

#[test]
fn setup_works_while_the_server_runs() {
    let site = Site::new();
    let server = site.serve();
    site.set_up("acme", &["--json"]).expect_code(0);
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    server.stop().expect_code(0);
}

#[test]
fn the_log_is_json_when_nobody_watches_and_says_where_the_server_is() {
    let server = Site::new().serve();
    let address = server.address.to_string();
    let stopped = server.stop().expect_code(0);
    let lines: Vec<Value> = stopped.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let started = lines.iter().find(|line| line["message"] == "started").unwrap();
    assert_eq!(started["address"], address.as_str());
    assert!(lines.iter().any(|line| line["message"] == "stopped"), "the last lines are not lost");
}

#[test]
fn the_log_can_go_to_a_file_which_is_appended_to() {
    let site = Site::new().with("PAYLENT_LOG__FILE", "paylent.log").with("PAYLENT_LOG__FORMAT", "text");
    site.write("paylent.log", "what was there\n");
    let stopped = site.serve().stop().expect_code(0);
    assert_eq!(stopped.err, "");
    let log = fs::read_to_string(site.path("paylent.log")).unwrap();
    assert!(log.starts_with("what was there\n") && log.contains("started version="), "{log}");
}

#[test]
fn metrics_are_on_a_listener_of_their_own() {
    let server = Site::new().serve();
    let metrics = get(server.metrics, "/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "paylent_build_info"] {
        assert!(metrics.contains(&format!("\n{name}")), "{name}: {metrics}");
    }
    // cd_nonlog: requests are counted by route, whatever they carried.
    server.get("/oauth/userinfo?code=pay_ac_canary");
    server.get("/oauth/pay_ac_canary");
    let counted = get(server.metrics, "/metrics");
    assert!(counted.contains("http_requests_total") && !counted.contains("canary"), "{counted}");
    assert!(!server.get("/metrics").starts_with("HTTP/1.1 200"), "not on the public port");
    assert!(get(server.metrics, "/health/live").starts_with("HTTP/1.1 404"), "and nothing else beside them");
}

/// With `file`, a mail is a file, and nowhere else.
#[test]
fn mails_leave_as_files() {
    let site = Site::new().with("PAYLENT_MAIL__TRANSPORT", "file").with("PAYLENT_MAIL__DIRECTORY", "mails");
    site.set_up("acme", &[]).expect_code(0);
    let server = site.serve();
    let host = "acme-test.localhost";
    let begun = post(server.address, host, "/register", r#"{"email":"jane@example.com"}"#);
    assert!(begun.starts_with("HTTP/1.1 202"), "{begun}");
    let file = (0..3_000).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut files = fs::read_dir(site.path("mails")).ok()?.map(|file| file.unwrap().path());
        files.find(|path| path.extension().is_some_and(|kind| kind == "eml"))
    });
    let file = file.expect("no mail came");
    assert_eq!((mode(&site.path("mails")), mode(&file)), (0o700, 0o600));
    let data = fs::read_to_string(&file).unwrap();
    let head = data.split_once("\r\n\r\n").unwrap().0;
    assert_eq!(head.lines().filter(|line| line.to_lowercase().starts_with("to:")).count(), 1, "{head}");
    let mail = Received { from: String::new(), to: Vec::new(), data };
    assert!(mail.header("To").unwrap().contains("jane@example.com"));
    let code = mail.passcode();
    let metrics = get(server.metrics, "/metrics");
    assert!(metrics.contains("\nmails_queued"), "{metrics}");
    let names = metrics.lines().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name);
    for told in names.chain([begun.as_str()]) {
        assert!(!told.contains(&code) && !told.contains("jane@example.com"), "ot.leak: {told}");
    }
    let head = format!("GET /dev/mailbox HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut stream = connect(server.address);
    stream.write_all(head.as_bytes()).unwrap();
    let mut shown = String::new();
    stream.read_to_string(&mut shown).unwrap();
    assert!(shown.starts_with("HTTP/1.1 404"), "{shown}");
    let stopped = server.stop().expect_code(0);
    assert!(!stopped.out.contains(&code) && !stopped.err.contains(&code), "ot.leak: {}", stopped.err);
    assert_eq!(fs::read_dir(site.path("mails")).unwrap().count(), 1);
}

#[test]
fn an_address_in_use_is_named_with_the_key_to_change() {
    let site = Site::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = site.run(&["serve", "--listen", &address, "--metrics-listen", "off"]).expect_code(1);
    let said = format!("cannot listen on {address}");
    assert!(refused.err.contains(&said) && refused.err.contains("set listen to another address"), "{}", refused.err);
    let refused = site.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &address]).expect_code(1);
    assert!(refused.err.contains("set metrics_listen to another address, or off"), "{}", refused.err);
}

/// A request for a token whose body the server waits for, and that body.
fn request_in_flight(server: &Server, setup: &Value) -> (TcpStream, String) {
    let resource = setup["environments"][0]["management_api"].as_str().unwrap();
    in_flight(server, setup, "/oauth/token", &format!("grant_type=client_credentials&resource={resource}"))
}

/// A request of the machine client whose body the server waits for, and that body.
fn in_flight(server: &Server, setup: &Value, path: &str, form: &str) -> (TcpStream, String) {
    let text = |key: &str| setup["environments"][0][key].as_str().unwrap();
    let body = format!("{form}&client_id={}&client_secret={}", text("client_id"), text("client_secret"));
    let mut stream = connect(server.address);
    let head = [
        &format!("POST {path} HTTP/1.1"),
        "Host: acme-test.localhost",
        "Connection: close",
        "Expect: 100-continue",
        "Content-Type: application/x-www-form-urlencoded",
        &format!("Content-Length: {}\r\n\r\n", body.len()),
    ];
    stream.write_all(head.join("\r\n").as_bytes()).unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).unwrap();
    (stream, body)
}

/// Sends the body, and reads the whole response.
fn finish((mut stream, body): (TcpStream, String)) -> String {
    stream.write_all(body.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Makes an application of a new organization of the machine client that `setup` made.
const OWNED: &str = "INSERT INTO organizations (environment_id, id, name, created_at, updated_at)
    SELECT environment_id, id, 'Globex', 0, 0 FROM clients;
    INSERT INTO applications (environment_id, id, organization_id, resource_server_id, grant_type, permissions, ip_allow_list,
        ip_allow_list_mode, notification_emails)
    SELECT c.environment_id, c.id, c.id, s.id, 'client_credentials', '[]', '127.0.0.1', 'enforce', '[]'
    FROM clients c JOIN resource_servers s ON s.environment_id = c.environment_id AND s.system;
    UPDATE clients SET token_format = 'opaque', access_token_ttl = NULL";

/// The last request, too: it was still on its way when the signal came.
#[test]
fn the_last_uses_of_tokens_are_written_when_the_server_stops() {
    let site = Site::new();
    let setup = serde_json::from_str(&site.set_up("acme", &["--json"]).expect_code(0).out).unwrap();
    site.execute("data/paylent.db", OWNED);
    let server = site.serve_with(&["--base-url", "http://localhost:8080"]);
    let response = finish(in_flight(&server, &setup, "/oauth/token", "grant_type=client_credentials"));
    let token = response.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.unwrap_or_else(|| panic!("{response}"));
    let form = format!("client_ip=127.0.0.1&token={token}");
    let introspection = in_flight(&server, &setup, "/oauth/introspect", &form);
    stop_accepting(&server, "TERM");
    let response = finish(introspection);
    assert!(response.contains("\"active\":true"), "{response}");
    server.wait().expect_code(0);
    let used = site.rows("data/paylent.db").into_iter().filter(|row| row.starts_with("static_tokens: "));
    let used: Vec<String> = used.collect();
    assert!(used.len() == 1 && used[0].contains("'127.0.0.1'"), "{used:?}");
}

/// Sends a signal and waits until the server takes no more connections.
fn stop_accepting(server: &Server, signal: &str) {
    server.signal(signal);
    while TcpStream::connect(server.address).is_ok() {}
}

#[test]
fn a_request_in_flight_is_answered_after_a_signal_and_the_exit_code_is_0() {
    let site = Site::new();
    let setup = serde_json::from_str(&site.set_up("acme", &["--json"]).expect_code(0).out).unwrap();
    for signal in ["TERM", "INT"] {
        let server = site.serve_with(&["--base-url", "http://localhost:8080"]);
        let _idle = connect(server.address);
        let (mut stream, body) = request_in_flight(&server, &setup);
        stop_accepting(&server, signal);
        stream.write_all(body.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200") && response.contains("access_token"), "{signal}: {response:?}");
        server.wait().expect_code(0);
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let site = Site::new();
    let setup = serde_json::from_str(&site.set_up("acme", &["--json"]).expect_code(0).out).unwrap();
    let server = site.serve_with(&["--base-url", "http://localhost:8080"]);
    let (mut stream, _) = request_in_flight(&server, &setup);
    stop_accepting(&server, "TERM");
    server.signal("INT");
    server.wait().expect_code(1);
    let mut response = String::new();
    let _ = stream.read_to_string(&mut response);
    assert_eq!(response, "");
}

#[test]
fn another_master_key_refuses_to_start() {
    let site = Site::new();
    site.run(&["serve", "--listen", "nowhere"]).expect_code(2);
    site.set_up("acme", &[]).expect_code(0);
    let rows = site.rows("data/paylent.db");
    let other = Site::new();
    other.set_up("beta", &[]).expect_code(0);
    let other_key = other.path("data/master.key");
    let wrong = site.run(&["serve", "--master-key-file", other_key.to_str().unwrap()]).expect_code(1);
    assert!(wrong.err.contains("the master key is not the one this database was made with"), "{}", wrong.err);
    let wrong = site.run_with_input(
        &[
            "setup",
            "--account",
            "beta",
            "--admin-email",
            "a@b.example",
            "--admin-password-stdin",
            "--master-key-file",
            other_key.to_str().unwrap(),
        ],
        "correct horse\n",
    );
    assert!(wrong.expect_code(1).err.contains("the master key is not the one"));
    assert_eq!(site.rows("data/paylent.db"), rows);
}

#[test]
fn a_missing_master_key_is_not_made_again() {
    let site = Site::new();
    site.set_up("acme", &[]).expect_code(0);
    let key = site.path("data/master.key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let refused = site.run(&["serve"]).expect_code(1);
    assert!(
        refused.err.contains("the master key is missing") && refused.err.contains("data/master.key"),
        "{}",
        refused.err
    );
    assert!(!key.exists(), "no key was left that does not fit");
    fs::write(&key, kept).unwrap();
    let open = site.run(&["serve"]).expect_code(1);
    assert!(open.err.contains("chmod 600 data/master.key"), "{}", open.err);
    let absent = site.run(&["serve", "--master-key-file", "elsewhere.key"]).expect_code(1);
    assert!(absent.err.contains("the master key file elsewhere.key cannot be read"), "{}", absent.err);
    assert!(!site.path("elsewhere.key").exists());
}

#[test]
fn the_development_mailbox_is_there_with_dev_alone() {
    let site = Site::new().with("PAYLENT_DEFAULT_ENVIRONMENT", "acme-test");
    site.set_up("acme", &[]).expect_code(0);
    let server = site.serve();
    assert!(server.get("/dev/mailbox").starts_with("HTTP/1.1 404"));
    let stopped = server.stop().expect_code(0);
    assert!(stopped.err.contains("mail.transport is not set") && !stopped.err.contains("development"));
    assert!(!stopped.out.contains("Mailbox"), "{}", stopped.out);
    let server = site.serve_with(&["--dev"]);
    let page = server.get("/dev/mailbox");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("There is no mail."), "{page}");
    let stopped = server.stop().expect_code(0);
    assert!(
        stopped.err.contains("serve --dev is for development") && !stopped.err.contains("mail.transport is not set")
    );
    let base_url = ["--dev", "--base-url", "http://localhost:8080"];
    for (site, address) in
        [(&site, "http://localhost:8080/dev/mailbox"), (&Site::new(), "http://ENVIRONMENT.localhost:8080/dev/mailbox")]
    {
        let stopped = site.serve_with(&base_url).stop().expect_code(0);
        assert!(stopped.out.contains(&format!("Mailbox   {address}\n")), "{}", stopped.out);
    }
}
