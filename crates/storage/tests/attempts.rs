//! Attempts to prove a password, many at the same moment.

use futures_util::future::join_all;
use paylent_storage::{Attempt, Env};
use paylent_tests::{
    both,
    seed::{self, by},
};

use crate::common::{on_nodes, work};

both! {
    /// Two hundred ask at once whether they may guess: ten may, and nobody after them.
    async fn lo_parallel_of_two_hundred_at_once_ten_are_admitted(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let at = by().at;
        let attempt = || Attempt {
            email_key: "ada@example.com".to_owned(),
            place: "203.0.113.1".to_owned(),
            browser: [7; 32],
            known: false,
        };
        let works = (0..4).map(|_| {
            let attempt = attempt();
            work(move |env: Env| async move {
                let asked = join_all((0..50).map(|_| env.count_attempt(&attempt, at))).await;
                asked.into_iter().map(Result::unwrap).collect::<Vec<_>>()
            })
        });
        let outcomes = on_nodes(database.url(), &env, works.collect()).into_iter().flatten();
        let mut admitted: Vec<i64> = outcomes.flatten().collect();
        admitted.sort_unstable();
        assert_eq!(admitted, (1..=10).collect::<Vec<_>>());
        assert_eq!(env.count_attempt(&attempt(), at).await.unwrap(), None);
    }
}
