//! The program as a script uses it.
#![cfg(test)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
};

fn bench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paylent-bench"))
}

/// A bare server of this program; ends with the test.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(command: &str) -> Self {
        let mut process = bench().arg(command).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().into();
        Self { process, address }
    }

    /// One second of load.
    fn load(&self, requests: &str, extra: &[&str]) -> Output {
        bench()
            .args(["load", "--name", "test", "--connections", "8"])
            .args(["--seconds", "1", "--repeats", "1"])
            .args(["--addr", &self.address])
            .args(["--pid", &self.process.id().to_string()])
            .arg("--request-file")
            .arg(file(requests))
            .args(extra)
            .output()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A file of this content, one for each content.
fn file(content: &str) -> PathBuf {
    let name = content.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let start = name.len().saturating_sub(100);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&name[start..]);
    fs::write(&path, content).unwrap();
    path
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_second_of_load_measures_a_json_handler() {
    let server = Server::start("serve-json");
    let output = server.load("GET / HTTP/1.1\nHost: a\n", &["--expect-body", "hello"]);
    let line = json(&output);
    let figure = |name: &str| line[name].as_f64().unwrap();
    assert_eq!(line["kind"], "load");
    assert_eq!(line["name"], "test");
    assert_eq!(line["wrong_responses"], 0);
    assert!(figure("requests") > 500.0, "{line}");
    assert!((1e-3..2.0).contains(&figure("cpu_ms_per_request")), "{line}");
    assert!(figure("cpu_ms_per_request_min") <= figure("cpu_ms_per_request"));
    assert!(0.0 < figure("p50_ms") && figure("p50_ms") <= figure("p99_ms"), "{line}");
    assert!(figure("rss_kb") > 1000.0, "{line}");
    assert!(line.get("pg_cpu_ms_per_request").is_none());
}

#[test]
fn a_form_reaches_the_form_handler() {
    let server = Server::start("serve-form");
    let request = "POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\n\
                   grant_type=g&client_id=i&client_secret=s";
    let line = json(&server.load(request, &["--expect-body", "\"access_token\":\"isg\""]));
    assert_eq!(line["wrong_responses"], 0);
}

#[test]
fn requests_are_taken_in_turn_and_every_wrong_response_is_counted() {
    let server = Server::start("serve-json");
    let requests = "GET / HTTP/1.1\nHost: a\n\n%%\nGET /missing HTTP/1.1\nHost: a\n";
    let output = server.load(requests, &[]);
    let line = json(&output);
    let (all, wrong) = (&line["requests"], &line["wrong_responses"]);
    let half = all.as_u64().unwrap() / 2;
    assert!((half..=half + 1).contains(&wrong.as_u64().unwrap()), "{line}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("first wrong response: 404"), "{message}");
}

#[test]
fn the_cpu_time_of_postgres_is_measured_through_its_pid_file() {
    let server = Server::start("serve-json");
    let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("data");
    fs::create_dir_all(&data).unwrap();
    let pid_file = format!("{}\n/var/lib\n", server.process.id());
    fs::write(data.join("postmaster.pid"), pid_file).unwrap();
    let data = data.to_str().unwrap();
    let line = json(&server.load("GET / HTTP/1.1\nHost: b\n", &["--postgres-pid-dir", data]));
    let figure = |name: &str| line[name].as_f64().unwrap();
    // The same process measured a moment apart.
    let ratio = figure("pg_cpu_ms_per_request") / figure("cpu_ms_per_request");
    assert!((0.5..2.0).contains(&ratio), "{line}");
}

#[test]
fn ceilings_and_a_load_make_a_report() {
    let ceilings = bench().args(["ceilings", "--seconds", "1"]).output().unwrap();
    assert!(ceilings.status.success(), "{ceilings:?}");
    let mut lines = String::from_utf8(ceilings.stdout).unwrap();
    assert_eq!(lines.lines().count(), 4);
    let sign: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert!((0.1..10.0).contains(&sign["cpu_ms"].as_f64().unwrap()), "{sign}");

    let load = lines.lines().nth(2).unwrap().replace("ceiling-json", "jwks");
    lines += &load;
    let report = bench().arg("report").arg(file(&lines)).output().unwrap();
    assert!(report.status.success());
    let text = String::from_utf8(report.stdout).unwrap();
    let row = text.lines().find(|line| line.starts_with("jwks")).unwrap();
    assert!(row.contains("  1.0  "), "as fast as the bare handler: {text}");
}

#[test]
fn a_report_of_wrong_responses_fails() {
    let ceiling = |name: &str, wrong: u32| {
        format!(
            r#"{{"kind":"load","name":"{name}","requests_per_second":1,"p50_ms":1,"p99_ms":1,"cpu_ms_per_request":1,"cpu_ms_per_request_min":1,"requests":1,"wrong_responses":{wrong},"rss_kb":1}}"#
        )
    };
    for (wrong, succeeds) in [(0, true), (1, false)] {
        let sign = r#"{"kind":"rsa_sign","cpu_ms":0.67}"#;
        let (json, form) = (ceiling("ceiling-json", 0), ceiling("ceiling-form", wrong));
        let lines = file(&format!("{sign}\n{json}\n{form}\n"));
        let report = bench().arg("report").arg(lines).output().unwrap();
        assert_eq!(report.status.success(), succeeds);
    }
}

/// A loopback port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn starting_a_server_is_timed_to_its_first_200() {
    let port = free_port().to_string();
    let address = format!("127.0.0.1:{port}");
    let this = env!("CARGO_BIN_EXE_paylent-bench");
    let output = bench()
        .args(["startup", "--path", "/", "--repeats", "3", "--addr", &address])
        .args(["--", this, "serve-json", "--port", &port])
        .output()
        .unwrap();
    let line = json(&output);
    let (median, min) = (&line["median_ms"], &line["min_ms"]);
    assert_eq!(line["kind"], "startup");
    assert!(min.as_f64().unwrap() > 0.1 && min.as_f64() <= median.as_f64(), "{line}");
}

#[test]
fn a_server_that_ends_by_itself_has_no_start_up_time() {
    let address = format!("127.0.0.1:{}", free_port());
    let output = bench().args(["startup", "--addr", &address, "--", "true"]).output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn only_loopback_addresses_are_loaded() {
    let output = bench()
        .args(["load", "--addr", "192.0.2.1:80", "--pid", "1", "--name", "x"])
        .args(["--request-file", "x"])
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("only loopback addresses"), "{message}");
}

#[test]
fn the_memory_of_a_process_is_measured() {
    let pid = std::process::id().to_string();
    let output = bench().args(["rss", "--pid", &pid]).output().unwrap();
    let line = json(&output);
    assert_eq!(line["kind"], "rss");
    assert!(line["rss_kb"].as_u64().unwrap() > 1000);
}

/// Seeds one environment with four clients; the request files are in `out`.
fn seed(address: &str, out: &Path) -> Output {
    let setup = r#"{"environments":[{"issuer":"http://a.localhost:1","management_api":"http://a.localhost:1/api",
        "client_id":"admin","client_secret":"s"}]}"#;
    let (setup, out) = (file(setup), out.to_str().unwrap());
    bench()
        .args(["seed-clients", "--addr", address, "--clients", "4", "--out", out, "--setup"])
        .arg(setup)
        .output()
        .unwrap()
}

#[test]
fn seeding_writes_requests_of_every_client() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let body =
            r#"{"access_token":"t","data":{"id":"1","attributes":{"client_id":"c"}},"meta":{"client_secret":"s"}}"#;
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let (mut connection, _) = listener.accept().unwrap();
        // A request comes in one piece, and the next one only after the response.
        let mut request = [0; 4096];
        while connection.read(&mut request).unwrap() > 0 {
            connection.write_all(response.as_bytes()).unwrap();
        }
    });
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("seeded");
    let output = seed(&address, &out);
    assert!(output.status.success(), "{output:?}");
    server.join().unwrap();

    let requests = |operation: &str| fs::read_to_string(out.join(format!("{operation}.http"))).unwrap();
    for (operation, count) in [("client_credentials_rs256", 2), ("client_credentials_opaque", 2), ("users_list", 1)] {
        assert_eq!(requests(operation).matches("Host: a.localhost:1\n").count(), count, "{operation}");
    }
    assert!(requests("introspection").contains("Authorization: Basic Yzpz\n"));
    assert!(requests("introspection_jwt").contains("\n\ntoken=t\n"));
    assert!(requests("users_list").contains("Authorization: Bearer t\n"));
}

#[test]
fn seeding_says_what_a_server_lacks() {
    let server = Server::start("serve-json");
    let output = seed(&server.address, Path::new("unused"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("POST /oauth/token HTTP/1.1: 404"), "{message}");
}
