//! Many uses of one token from addresses that its application does not list, at once and at two processes. Catalogue
//! section A18.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use paylent_tests::{TestDatabase, both};
use reqwest::Method;
use tokio::task::JoinSet;

use crate::support::{applications::*, *};

/// What comes of a server that has too much to do: the head of the request took too long, or the database, or the connection
/// was closed.
const LATER: [u16; 3] = [408, 503, CLOSED];
const CLOSED: u16 = 0;

/// The status of the answer of the Management API to this token, if there is one.
async fn status(node: &TestServer, token: &str) -> u16 {
    let sent = node.bearer(&node.acme, token).request(Method::GET, "organizations").send().await;
    sent.map_or(CLOSED, |response| response.status().as_u16())
}

both! {
    async fn ip_race_a_hundred_foreign_uses_at_two_nodes(database: TestDatabase) {
        rush(&database, 100).await;
    }

    async fn ip_race_a_thousand_foreign_uses_at_two_nodes(database: TestDatabase) {
        rush(&database, 1_000).await;
    }

    /// The secret, too: 403 for each, and one mail.
    async fn ip_race_a_hundred_foreign_uses_of_a_secret(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        let application = server.acme.owned(|_| ()).await;
        let nodes = [server.seen_from(FOREIGN), beside.seen_from("127.0.0.99")].map(Arc::new);
        let mut asking = JoinSet::new();
        for node in nodes.iter().cycle().take(100) {
            let (node, credentials) = (node.clone(), application.client.credentials.clone());
            asking.spawn(async move { node.ask(&node.acme, &credentials, &[]).await.status });
        }
        let statuses = counted(asking.join_all().await);
        assert!(statuses.keys().all(|status| *status == 403 || LATER.contains(status)), "{statuses:?}");
        assert_eq!(consequences(&database).await, [0, 1, 0, 1], "{statuses:?}");
        assert_eq!(database.count("static_tokens").await, 0);
    }
}

/// Uses a token from foreign addresses so many times at once, while its owner goes on to use it from a listed one. Nobody
/// foreign ever gets in, and from the first refusal on the owner does not either.
async fn rush(database: &TestDatabase, times: usize) {
    let server = TestServer::start(database).await;
    let beside = server.beside(database);
    let application = server.acme.owned(|_| ()).await;
    let token = server.seen_from(LISTED).static_token(&application).await;
    let nodes = [server.seen_from(FOREIGN), beside.seen_from("127.0.0.99")].map(Arc::new);
    let owners = [server.seen_from(LISTED), beside.seen_from(LISTED)].map(Arc::new);
    assert_eq!(owners[1].calls_with(&token).await, 200);
    let is_refused = Arc::new(AtomicBool::new(false));
    let mut foreign = JoinSet::new();
    for node in nodes.iter().cycle().take(times) {
        let (node, token, is_refused) = (node.clone(), token.clone(), is_refused.clone());
        foreign.spawn(async move {
            let status = status(&node, &token).await;
            is_refused.fetch_or(status == 403, Ordering::SeqCst);
            status
        });
    }
    let mut own = JoinSet::new();
    for node in owners {
        let (token, is_refused) = (token.clone(), is_refused.clone());
        own.spawn(async move {
            let mut late = Vec::new();
            while late.len() < 5 {
                let is_late = is_refused.load(Ordering::SeqCst);
                let status = status(&node, &token).await;
                if is_late {
                    late.push(status);
                }
            }
            late
        });
    }
    let mut foreign = foreign.join_all().await;
    // Whoever was put off in the rush comes again.
    for status in foreign.iter_mut().filter(|status| LATER.contains(status)) {
        *status = nodes[0].calls_with(&token).await;
    }
    let statuses = counted(foreign);
    assert!(statuses.keys().all(|status| [401, 403].contains(status)), "{statuses:?}");
    assert!(statuses.contains_key(&403), "{statuses:?}");
    let late = counted(own.join_all().await.concat());
    assert!(late.keys().all(|status| *status == 401 || LATER.contains(status)), "after the first refusal: {late:?}");
    assert_eq!(consequences(database).await, [1, 0, 0, 1], "{statuses:?}");
    assert_eq!(server.seen_from(LISTED).calls_with(&token).await, 401);
}

fn counted(statuses: Vec<u16>) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    counts
}
