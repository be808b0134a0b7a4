//! Access tokens of applications that never expire. Seed 002, decision 18.

use paylent_storage::Expected;
use paylent_tests::{both, seed};
use reqwest::RequestBuilder;
use tokio::task::yield_now;

use crate::{
    at_once::at_once,
    support::{applications::*, *},
};

/// How many an application may have.
const MOST: usize = 100;

/// So many requests for a token, to each node in turn.
fn asking(nodes: &[TestServer; 2], application: &Owned, times: usize) -> Vec<RequestBuilder> {
    let nodes = nodes.iter().cycle().take(times);
    nodes.map(|node| node.asking(&node.acme, &application.client.credentials, &[])).collect()
}

both! {
    async fn an_application_has_a_hundred_static_tokens_and_no_more(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        let application = server.acme.owned(|_| ()).await;
        let nodes = [&server, &beside].map(|node| node.seen_from(LISTED));
        let mut first = String::new();
        for _ in 0..MOST - 3 {
            first = nodes[0].static_token(&application).await;
        }
        let replies = at_once(asking(&nodes, &application, 20)).await;
        let (given, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(given.len(), 3);
        refused.iter().for_each(|reply| reply.is_oauth_error(403, "access_denied"));
        assert!(refused[0].text.contains("100"), "{}", refused[0].text);
        assert_eq!(database.count("static_tokens").await, MOST);
        assert_eq!(database.count("access_tokens").await, MOST, "nothing is kept of those that were refused");
        let other = server.acme.owned(|_| ()).await;
        nodes[1].static_token(&other).await;
        nodes[1].revoke(&server.acme, &application.client.credentials, &first).await.is(200);
        let last = nodes[1].static_token(&application).await;
        assert_eq!(nodes[0].calls_with(&last).await, 200);
        let full = nodes[0].ask(&server.acme, &application.client.credentials, &[]).await;
        full.is_oauth_error(403, "access_denied");
        assert_eq!(consequences(&database).await, [0; 4], "nobody is told: the address was right");
    }

    /// Whoever asks too late is told that there is no such client; nobody waits for each other in a circle.
    async fn an_application_that_goes_while_tokens_are_asked_for_is_unknown(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        let nodes = [&server, &beside].map(|node| node.seen_from(LISTED));
        for round in 0..6 {
            let application = server.acme.owned(|_| ()).await;
            let deleting = async {
                // The requests are on their way first.
                yield_now().await;
                let env = &server.acme.seeded.env;
                assert!(env.delete_application(application.id, &Expected::Any, &seed::by()).await.unwrap());
            };
            let (replies, ()) = tokio::join!(at_once(asking(&nodes, &application, 8)), deleting);
            for reply in replies {
                if reply.status != 200 {
                    reply.is_oauth_error(401, "invalid_client");
                }
            }
            assert_eq!(database.count("static_tokens").await, 0, "round {round}");
        }
    }

    /// A static token lives for ever, and dies with what it stands for.
    async fn a_static_token_outlives_any_clock_and_not_its_organization(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let listed = server.seen_from(LISTED);
        let token = listed.static_token(&application).await;
        server.clock.advance_seconds(10 * 366 * 24 * 3_600);
        server.db.purge(paylent_domain::Clock::now(&*server.clock)).await.unwrap();
        assert_eq!(listed.calls_with(&token).await, 200);
        let env = &server.acme.seeded.env;
        let gone = env.delete_organization(application.organization, &Expected::default(), &seed::by()).await.unwrap();
        assert!(gone);
        assert_eq!(listed.calls_with(&token).await, 401);
        let refused = listed.ask(&server.acme, &application.client.credentials, &[]).await;
        refused.is_oauth_error(401, "invalid_client");
        assert_eq!(database.count("static_tokens").await, 0);
    }
}
