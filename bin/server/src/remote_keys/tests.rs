use std::sync::atomic::{AtomicUsize, Ordering};

use paylent_domain::clock::FixedClock;
use paylent_outbound::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

/// A site that answers every request with what it publishes now, and counts them.
struct Site {
    uri: String,
    published: Arc<Mutex<&'static str>>,
    asked: Arc<AtomicUsize>,
}

impl Site {
    async fn start(published: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let site = Self { uri, published: Arc::new(Mutex::new(published)), asked: Arc::default() };
        let (published, asked) = (site.published.clone(), site.asked.clone());
        tokio::spawn(async move {
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let body = *published.lock().unwrap();
                let status = if body.is_empty() { "503 Down" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        site
    }

    fn publish(&self, set: &'static str) {
        *self.published.lock().unwrap() = set;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn fetcher() -> (Arc<FixedClock>, FetchedKeys) {
    let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_800_000_000)));
    let outbound = Outbound::new(Options { allow_private: true, ..Options::default() }).unwrap();
    (clock.clone(), FetchedKeys::new(outbound, clock))
}

#[tokio::test]
async fn keys_are_kept_for_five_minutes() {
    let (site, (clock, keys)) = (Site::start(SET).await, fetcher());
    for _ in 0..3 {
        assert_eq!(keys.jwks(&site.uri, false).await.as_deref(), Some(SET));
    }
    assert_eq!(site.asked(), 1);
    site.publish("");
    clock.advance_seconds(KEEP - 1);
    assert!(keys.jwks(&site.uri, false).await.is_some());
    clock.advance_seconds(1);
    assert_eq!(keys.jwks(&site.uri, false).await, None);
    assert_eq!(site.asked(), 2);
}

#[tokio::test]
async fn for_an_unknown_key_they_are_fetched_again_once_a_minute() {
    let (site, (clock, keys)) = (Site::start(SET).await, fetcher());
    keys.jwks(&site.uri, false).await.unwrap();
    assert!(keys.jwks(&site.uri, true).await.is_some());
    assert_eq!(site.asked(), 1, "they are as new as can be");
    clock.advance_seconds(AGAIN);
    for _ in 0..3 {
        assert!(keys.jwks(&site.uri, true).await.is_some());
    }
    assert_eq!(site.asked(), 2);
    site.publish("");
    clock.advance_seconds(AGAIN);
    assert!(keys.jwks(&site.uri, true).await.is_some(), "the known ones are good for as long as they were");
    assert!(keys.jwks(&site.uri, true).await.is_some());
    assert_eq!(site.asked(), 3);
}

#[tokio::test]
async fn a_failure_is_kept_for_half_a_minute() {
    let (site, (clock, keys)) = (Site::start("").await, fetcher());
    for again in [false, true, false] {
        assert_eq!(keys.jwks(&site.uri, again).await, None);
    }
    assert_eq!(site.asked(), 1);
    site.publish(SET);
    clock.advance_seconds(AFTER_FAILURE);
    assert_eq!(keys.jwks(&site.uri, false).await.as_deref(), Some(SET));
}

#[tokio::test]
async fn a_set_that_breaks_a_rule_is_not_used() {
    for bad in ["{}", "[]", "{\"keys\":[]}", "no", r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#] {
        let (site, (_, keys)) = (Site::start(bad).await, fetcher());
        assert_eq!(keys.jwks(&site.uri, false).await, None, "{bad}");
    }
}

#[tokio::test]
async fn whoever_comes_while_they_are_fetched_waits_for_them() {
    let (site, (_, keys)) = (Site::start(SET).await, fetcher());
    let all = futures_util::future::join_all((0..16).map(|_| keys.jwks(&site.uri, false))).await;
    assert!(all.iter().all(Option::is_some));
    assert_eq!(site.asked(), 1);
}

#[tokio::test]
async fn no_more_than_a_thousand_addresses_are_remembered() {
    let (_, keys) = fetcher();
    for number in 0..=MAX_KEPT {
        assert_eq!(keys.jwks(&format!("http://not-here/{number}"), false).await, None);
        assert!(keys.known.lock().unwrap().len() <= MAX_KEPT);
    }
}
