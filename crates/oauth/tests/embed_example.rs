//! The example of a foreign host: short, and it works as its reader will try it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// The running example. Ends with the test, however the test ends.
struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Host {
    /// Starts the example, which cargo has built next to this test, and reads the line it prints.
    fn start() -> (Self, String) {
        let test = std::env::current_exe().unwrap();
        let built = test.parent().unwrap().join("../examples/embed").with_extension(std::env::consts::EXE_EXTENSION);
        let started = Command::new(&built).stdout(Stdio::piped()).spawn();
        let mut host = Self(started.unwrap_or_else(|error| {
            panic!(
                "{}: {error}; build it with `cargo test -p paylent-oauth` or `cargo build --examples`",
                built.display()
            )
        }));
        let mut line = String::new();
        BufReader::new(host.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (host, line)
    }
}

/// `curl -u <client_id>:<secret> -d <body> http://<address><path>`, taken apart.
struct Curl<'a> {
    client_id: &'a str,
    secret: &'a str,
    body: &'a str,
    address: &'a str,
    path: String,
}

impl<'a> Curl<'a> {
    fn parse(line: &'a str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["curl", "-u", credentials, "-d", body, url] = words[..] else { panic!("not the line it was: {line}") };
        let (client_id, secret) = credentials.split_once(':').unwrap();
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self { client_id, secret, body, address, path: format!("/{path}") }
    }

    /// Does what curl would do, with this secret; the status and the body of the answer.
    fn send(&self, secret: &str) -> (u16, Value) {
        let Self { client_id, body, address, path, .. } = self;
        let credentials = STANDARD.encode(format!("{client_id}:{secret}"));
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {credentials}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Cache-Control: no-store"), "{head}");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

#[test]
fn the_printed_line_gets_a_token_and_a_wrong_secret_does_not() {
    let (_host, line) = Host::start();
    let curl = Curl::parse(&line);
    assert_eq!(curl.path, "/oauth/token");

    let (status, reply) = curl.send(curl.secret);
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["access_token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!((&reply["token_type"], &reply["expires_in"]), (&"Bearer".into(), &3_600.into()));

    let (status, reply) = curl.send("wrong");
    assert_eq!((status, reply["error"].as_str()), (401, Some("invalid_client")));
}

#[test]
fn the_example_is_shorter_than_sixty_lines() {
    let lines = include_str!("../examples/embed.rs").lines().count();
    assert!(lines < 60, "{lines} lines");
}
