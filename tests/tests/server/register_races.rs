//! Registration when many come at the same moment, to two servers. Catalogue section A13.

use paylent_tests::both;
use reqwest::{Method, RequestBuilder};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    at_once::{at_once, at_once_or_later},
    support::{
        Reply, TestServer,
        letters::passcode,
        raw,
        registering::{JANE, about, is_refused, start, wrong},
    },
};

/// Each of these in turn.
fn in_turn<T>(nodes: &[T], times: usize) -> impl Iterator<Item = &T> {
    nodes.iter().cycle().take(times)
}

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

both! {
    async fn ot_parallel_of_a_thousand_guesses_at_two_servers_five_are_looked_at(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        let id = server.begin(JANE).await;
        let right: usize = passcode(&database, JANE).await.parse().unwrap();
        // Every thousandth code, but never the right one.
        let guesses = (0..1_000).map(|guess| (right + 1 + guess * 999) % 1_000_000);
        let requests = guesses.zip(in_turn(&nodes, 1_000));
        let requests = requests.map(|(guess, node)| node.verification(&id, &format!("{guess:06}")));
        let replies = at_once(requests.collect()).await;
        let other = replies.iter().find(|reply| ![400, 503].contains(&reply.status));
        assert!(other.is_none(), "{other:?}");
        assert!(count(&replies, 400) >= 5);
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["5"]);
        let counted = "SELECT count FROM counters WHERE name LIKE 'passcode:%'";
        assert_eq!(database.values(counted).await, ["5"]);
        is_refused(&server.verify(&id, &format!("{right:06}")).await, 400, "invalid_registration");
    }

    /// One attempt is left, and half of those who make it know the code.
    async fn ot_parallel_of_the_right_code_among_wrong_ones_one_is_looked_at(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        for round in 0..4 {
            let email = format!("jane{round}@example.com");
            let id = server.begin(&email).await;
            let right = passcode(&database, &email).await;
            let guesses = wrong(&right);
            for guess in &guesses[1..] {
                is_refused(&server.verify(&id, guess).await, 400, "invalid_registration");
            }
            let requests = in_turn(&nodes, 200).enumerate().map(|(number, node)| {
                let knows = (number / 2 + round) % 2 == 0;
                node.verification(&id, if knows { &right } else { &guesses[0] })
            });
            let replies = at_once(requests.collect()).await;
            assert!(replies.iter().all(|reply| [200, 400, 503].contains(&reply.status)));
            assert!(count(&replies, 200) <= 1, "{}", count(&replies, 200));
            let left = "SELECT attempts FROM registrations WHERE token_hash IS NULL";
            assert!(database.values(left).await.iter().all(|attempts| attempts == "5"));
        }
    }

    /// The right code among wrong ones: it may come too late, but not be looked at as the sixth.
    async fn ot_reuse_the_right_code_fifty_times_gives_one_token(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        let id = server.begin(JANE).await;
        let code = passcode(&database, JANE).await;
        let requests: Vec<RequestBuilder> = in_turn(&nodes, 50).map(|node| node.verification(&id, &code)).collect();
        let replies = at_once_or_later(requests).await;
        assert_eq!((count(&replies, 200), count(&replies, 400)), (1, 49));
        let right = replies.iter().find(|reply| reply.status == 200).unwrap().json();
        server.complete(right["registration_token"].as_str().unwrap()).await.is(201);
    }

    async fn ot_complete_race_twenty_completions_make_one_user(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        let token = server.prove(&database, JANE).await;
        let requests: Vec<RequestBuilder> = in_turn(&nodes, 20).map(|node| node.completion(&about(&token))).collect();
        let replies = at_once_or_later(requests).await;
        assert_eq!((count(&replies, 201), count(&replies, 400)), (1, 19));
        assert_eq!(database.count(&format!("users WHERE email = '{JANE}'")).await, 1);
        assert_eq!(database.count("audit_events WHERE action = 'user.registered'").await, 1);
    }

    async fn ot_complete_race_two_proved_registrations_of_one_address_make_one_user(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        let mut requests = Vec::new();
        for node in in_turn(&nodes, 4) {
            server.clock.advance_seconds(1);
            requests.push(node.completion(&about(&server.prove(&database, JANE).await)));
        }
        let replies = at_once_or_later(requests).await;
        assert_eq!(count(&replies, 201), 1);
        for refused in replies.iter().filter(|reply| reply.status != 201) {
            is_refused(refused, 409, "invalid_registration");
        }
        assert_eq!(database.count(&format!("users WHERE email = '{JANE}'")).await, 1);
    }

    /// Two codes for one address at the same moment: the one that is good is that of the newest registration alone.
    async fn ot_resend_of_many_registrations_begun_at_once_one_is_left(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        let body = serde_json::json!({"email": JANE});
        let requests = in_turn(&nodes, 5).map(|node| node.ask_as_front_end(&node.acme, "/register", &body));
        let replies = at_once_or_later(requests.collect()).await;
        assert_eq!(count(&replies, 202), 5);
        assert_eq!(database.count("registrations").await, 1);
    }

    async fn ot_resend_of_forty_at_once_five_are_mailed(database: TestDatabase) {
        let server = start(&database).await;
        let nodes = [&server.beside(&database), &server.beside(&database)];
        let body = serde_json::json!({"email": JANE});
        let requests = in_turn(&nodes, 40).map(|node| node.ask_as_front_end(&node.acme, "/register", &body));
        let replies = at_once_or_later(requests.collect()).await;
        assert_eq!((count(&replies, 202), count(&replies, 429)), (5, 35));
        assert_eq!(database.count(&format!("mails WHERE recipient = '{JANE}'")).await, 5);
        assert_eq!(database.count("registrations").await, 1);
    }

    /// Whoever does not wait for the answer has made an attempt all the same.
    async fn ot_counter_tx_an_attempt_counts_although_nobody_hears_the_answer(database: TestDatabase) {
        let server = start(&database).await;
        let doomed = server.beside(&database);
        let id = server.begin(JANE).await;
        let right = passcode(&database, JANE).await;
        let guesses = wrong(&right);
        for (node, guess) in [&server, &server, &doomed].into_iter().zip(&guesses) {
            let attempts = database.values("SELECT attempts FROM registrations").await;
            abandon(node, &id, guess).await;
            while database.values("SELECT attempts FROM registrations").await == attempts {
                tokio::task::yield_now().await;
            }
        }
        drop(doomed);
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["3"]);
        for guess in &guesses[3..] {
            server.verify(&id, guess).await.is(400);
        }
        is_refused(&server.verify(&id, &right).await, 400, "invalid_registration");
    }
}

/// Sends a guess and hangs up.
async fn abandon(node: &TestServer, id: &str, guess: &str) {
    let body = format!(r#"{{"registration_id":"{id}","passcode":"{guess}"}}"#);
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let line = format!("{} /register/verify", Method::POST);
    let mut connection = TcpStream::connect(node.address).await.unwrap();
    connection.write_all(raw::request(&line, &node.acme.host, &head, &body).as_bytes()).await.unwrap();
}
