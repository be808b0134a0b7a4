//! What tests of several crates share: a database of their own, and an environment to put into it.
//!
//! Owns how a test gets its SQLite file and its PostgreSQL database. Called by tests only. Refuses to know what is
//! tested.

#![deny(missing_docs)]
#![expect(clippy::expect_used, reason = "what a test is made of may panic like the test")]

pub mod database;
pub mod seed;
pub mod smtp;

pub use database::TestDatabase;

/// Makes two tests of one: `name::sqlite` and `name::postgres`, each with a migrated database of its own.
///
/// ```no_run
/// paylent_tests::both! {
///     /// A new database has no accounts.
///     async fn no_accounts(database: TestDatabase) {
///         assert!(!database.db().has_accounts().await.unwrap());
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! both {
    ($($(#[$about:meta])* async fn $name:ident($database:ident: TestDatabase) $body:block)+) => {$(
        $(#[$about])*
        async fn $name($database: $crate::TestDatabase) $body

        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name($crate::TestDatabase::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name($crate::TestDatabase::postgres().await).await;
            }
        }
    )+};
}
