//! Requests to listeners of this machine: what is refused before and what after they are asked.
#![cfg(test)]

use std::{net::TcpListener, thread, time::Duration};

use openssl::{
    asn1::Asn1Time,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    ssl::{SslAcceptor, SslMethod},
    x509::{X509, X509NameBuilder},
};
use paylent_outbound::{Error, Options, Outbound};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn public() -> Outbound {
    Outbound::new(Options::default()).unwrap()
}

fn private(change: impl FnOnce(&mut Options)) -> Outbound {
    let mut options = Options { allow_private: true, ..Options::default() };
    change(&mut options);
    Outbound::new(options).unwrap()
}

/// A listener, and its port.
async fn listen() -> (tokio::net::TcpListener, u16) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Reads the head of a request and, if it says how long it is, the body.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    loop {
        let head = String::from_utf8_lossy(&text).to_lowercase();
        if let Some((head, body)) = head.split_once("\r\n\r\n") {
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
            if body.len() >= length.parse().unwrap() {
                return String::from_utf8(text).unwrap();
            }
        }
        assert_ne!(stream.read_buf(&mut text).await.unwrap(), 0, "the request was broken off");
    }
}

/// Answers one request with these bytes, and says what it was.
async fn answer(answer: &str) -> (u16, tokio::task::JoinHandle<String>) {
    let (listener, port) = listen().await;
    let answer = answer.to_owned();
    let request = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let request = read(&mut stream).await;
        // Whoever has enough hangs up before the end.
        let _ = stream.write_all(answer.as_bytes()).await;
        request
    });
    (port, request)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Whether nobody has connected.
fn is_quiet(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener.accept().unwrap_err().kind() == std::io::ErrorKind::WouldBlock
}

#[tokio::test]
async fn a_form_is_posted_and_the_answer_not_read() {
    let (port, request) = answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("http://localhost:{port}/out?app=1");
    private(|_| {}).post_form(&url, &[("logout_token", "a.b c&d")]).await.unwrap();
    let request = request.await.unwrap();
    assert!(request.starts_with("POST /out?app=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nlogout_token=a.b+c%26d"), "{request}");
    let (port, _request) = answer("HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\nx").await;
    private(|_| {}).post_form(&format!("http://127.0.0.1:{port}/"), &[]).await.unwrap();
}

#[tokio::test]
async fn a_document_is_read_up_to_the_limit() {
    let outbound = private(|options| options.max_body = 16);
    for (body, is_read) in [("{\"keys\": [1, 2]}", true), ("{\"keys\": [1, 22]}", false)] {
        let (port, request) = answer(&ok(body)).await;
        let read = outbound.get_json(&format!("http://127.0.0.1:{port}/jwks")).await;
        match is_read {
            true => assert_eq!(read.unwrap(), body),
            false => assert!(matches!(read, Err(Error::Unreadable)), "{read:?}"),
        }
        assert!(request.await.unwrap().contains("accept: application/json, application/*+json\r\n"));
    }
    let endless =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n01234567\r\n8\r\n01234567\r\n8\r\n01234567\r\n";
    let (port, _request) = answer(endless).await;
    let read = outbound.get_json(&format!("http://127.0.0.1:{port}/")).await;
    assert!(matches!(read, Err(Error::Unreadable)), "{read:?}");
}

#[tokio::test]
async fn sf_urls_redirects_are_not_followed() {
    let (other, other_port) = listen().await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{other_port}/");
        let redirect = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let (port, _request) = answer(&redirect).await;
        let answered = private(|_| {}).get_json(&format!("http://127.0.0.1:{port}/")).await;
        assert!(matches!(answered, Err(Error::Status(is)) if is == status), "{answered:?}");
    }
    assert!(is_quiet(&other.into_std().unwrap()));
}

#[tokio::test]
async fn another_status_than_2xx_is_an_error() {
    for status in [400, 401, 404, 500, 503] {
        let (port, _request) = answer(&format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n")).await;
        let answered = private(|_| {}).post_form(&format!("http://127.0.0.1:{port}/"), &[]).await;
        assert!(matches!(answered, Err(Error::Status(is)) if is == status), "{answered:?}");
    }
}

#[tokio::test]
async fn whoever_is_slow_is_given_up() {
    let outbound = private(|options| options.timeout = Duration::from_millis(50));
    let (listener, port) = listen().await;
    let silent = outbound.post_form(&format!("http://127.0.0.1:{port}/"), &[]).await;
    assert!(matches!(silent, Err(Error::TimedOut)), "{silent:?}");
    drop(listener);
    let (listener, port) = listen().await;
    let half = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        read(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
        stream
    });
    let unfinished = outbound.get_json(&format!("http://127.0.0.1:{port}/")).await;
    assert!(matches!(unfinished, Err(Error::TimedOut)), "{unfinished:?}");
    drop(half.await.unwrap());
}

#[tokio::test]
async fn sf_urls_nobody_inside_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
    ] {
        for scheme in ["https", "http"] {
            let refused = public().post_form(&format!("{scheme}://{host}:{port}/"), &[]).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{scheme}://{host}: {refused:?}");
        }
    }
    assert!(is_quiet(&listener));
}

#[tokio::test]
async fn only_https_without_a_user_is_asked_and_http_on_this_machine_in_development() {
    for url in [
        "http://app.example.com/",
        "http://10.0.0.1/",
        "http://127.0.0.1@app.example.com/",
        "https://user@127.0.0.1/",
        "https://:password@127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "data:text/plain,x",
        "https://",
        "//127.0.0.1/",
        "",
        "https://169.254.169.254/latest/meta-data",
    ] {
        let refused = private(|_| {}).get_json(url).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{url}: {refused:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate.build()).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || acceptor.accept(listener.accept().unwrap().0).is_ok());
    let refused = private(|_| {}).get_json(&format!("https://localhost:{port}/")).await;
    let Err(Error::Failed(cause)) = refused else { panic!("{refused:?}") };
    let mut causes = format!("{cause}");
    let mut next = cause.source();
    while let Some(error) = next {
        causes.push_str(&format!(": {error}"));
        next = error.source();
    }
    assert!(causes.contains("certificate verify failed"), "{causes}");
    assert!(!causes.contains(&port.to_string()), "the address is not repeated: {causes}");
    server.join().unwrap();
}
