//! What sign-ins cost the server, and what their times tell. Catalogue section A12. What hashing costs in memory is shown
//! where it is alone in its process: `crates/crypto/tests/password_memory.rs`.

use std::time::Duration;

use paylent_domain::{clock::Stopwatch, user::UserChange};
use paylent_storage::Expected;
use paylent_tests::{both, seed};

use crate::{
    at_once::at_once_timed,
    support::{PASSWORD, Reply, Setting, TestServer, browser::*},
};

/// How many sign in at once: fewer than the catalogue's five hundred, whose requests alone keep a busy machine for seconds.
const FLOOD: usize = 200;

/// The time that so many per cent of all do not exceed.
fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * percent / 100]
}

/// Those who are refused for one reason each: a wrong password, no account, one that is switched off, and no password.
const REFUSED: [&str; 4] = [EMAIL, "nobody@example.com", "off@example.com", "none@example.com"];

/// The median time in which each of these is refused. They come in turn, so that what else the machine does at the moment
/// slows all down alike; and from another address each time, so that nobody has to wait.
async fn refusals(browser: &Browser<'_>, page: &Reply, network: &str, rounds: usize) -> [Duration; 4] {
    let mut times = [const { Vec::new() }; 4];
    for round in 0..rounds {
        for turn in 0..REFUSED.len() {
            let kind = (round + turn) % REFUSED.len();
            let form = browser.sign_in_form(page, REFUSED[kind], "wrong password");
            let form = form.header("x-forwarded-for", format!("{network}.{round}"));
            let watch = Stopwatch::start();
            let reply = Reply::of(form).await;
            times[kind].push(watch.elapsed());
            assert_eq!(reply.status, 401);
        }
    }
    times.each_mut().map(|times| percentile(times, 50))
}

/// Whether none of these is a fifth longer than another.
fn are_alike(times: [Duration; 4]) -> bool {
    let (shortest, longest) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    *longest < *shortest * 6 / 5
}

both! {
    /// A flood waits for the few that are hashed at once, what cannot wait is told when to come back, and who does not sign
    /// in notices little.
    async fn lo_argon_dos_a_flood_of_logins_is_refused_beyond_the_queue(database: TestDatabase) {
        let setting = Setting { hashing: Some((1, 3)), ..Setting::default() };
        let server = TestServer::start_with(&database, setting).await;
        let client = scene(&server.acme).await;
        let (machine, token) = (server.acme.machine(), server.admin_token(&server.acme).await);
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let mut slowest = Vec::new();
        while slowest.len() < 3 {
            let runs = server.rooms.passwords.runs();
            let form = || browser.sign_in_form(&page, "nobody@example.com", "wrong password");
            let logins = tokio::spawn(at_once_timed((0..FLOOD).map(|_| form()).collect()));
            let mut introspections = Vec::new();
            while !logins.is_finished() {
                let watch = Stopwatch::start();
                let told = server.introspect(&server.acme, &machine, &token).await;
                introspections.push(watch.elapsed());
                assert_eq!((told.status, &told.json()["active"]), (200, &true.into()));
            }
            let answers = logins.await.unwrap().into_iter();
            let (refused, answered): (Vec<_>, Vec<_>) = answers.partition(|(reply, _)| reply.status == 503);
            answered.iter().for_each(|(reply, _)| is_page(reply, 401));
            assert_eq!(server.rooms.passwords.runs() - runs, answered.len() as u64, "a hash for each that is answered");
            assert!(!refused.is_empty(), "the queue was never full");
            for (reply, _) in &refused {
                is_page(reply, 503);
                assert_eq!(reply.header("retry-after"), "2");
                assert!(!reply.text.contains("wrong password"));
            }
            // On an idle machine both are a small part of that. What else a busy one does may slow down one flood, and not three.
            let mut waited: Vec<Duration> = refused.iter().map(|(_, time)| *time).collect();
            let (refused, told) = (percentile(&mut waited, 99), percentile(&mut introspections, 99));
            if refused < Duration::from_secs(2) && told < Duration::from_millis(500) {
                break;
            }
            slowest.push((refused, told));
        }
        assert!(slowest.len() < 3, "refused and introspected: {slowest:?}");
        assert_eq!(browser.sign_in(&page, EMAIL, PASSWORD).await.status, 200);
    }

    /// What a refusal does besides hashing takes as long for everybody. That each hashes once, at one cost, is counted in
    /// `login`. This compares medians: the catalogue's test of whole distributions over 500 hashes of each kind would take
    /// minutes, and tell of microseconds that no network carries.
    async fn lo_enum_every_refusal_takes_as_long(database: TestDatabase) {
        let setting = Setting { proxies: &["127.0.0.1"], ..Setting::default() };
        let server = TestServer::start_with(&database, setting).await;
        let client = scene(&server.acme).await;
        let off = person(&server.acme, "off@example.com").await;
        let change = UserChange { active: Some(false), ..UserChange::default() };
        server.acme.seeded.env.update_user(off.parse().unwrap(), change, &Expected::Any, &seed::by()).await.unwrap();
        person(&server.acme, "none@example.com").await;
        database.execute("UPDATE users SET password_hash = NULL WHERE email = 'none@example.com'").await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        // Nobody is refused more often than the account's counter lets pass.
        let first = refusals(&browser, &page, "203.0.113", 45).await;
        if !are_alike(first) {
            let second = refusals(&browser, &page, "198.51.100", 45).await;
            assert!(are_alike(second), "{first:?}, {second:?}");
        }
    }
}
