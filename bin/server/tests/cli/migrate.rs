use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};

use crate::paylent::Site;

#[test]
fn status_lists_the_migrations_and_makes_no_database() {
    let site = Site::new();
    let none = site.run(&["migrate", "--status"]).expect_code(1);
    assert!(none.err.contains("there is no database at data/paylent.db yet"), "{}", none.err);
    assert!(!site.path("data").exists());
    let applied = site.run(&["migrate"]).expect_code(0);
    assert!(applied.out.starts_with("Applied 0001_core."), "{}", applied.out);
    let status = site.run(&["migrate", "--status"]).expect_code(0);
    assert!(status.out.starts_with("applied  0001_core"), "{}", status.out);
    assert!(!status.out.contains("missing"));
    let again = site.run(&["migrate"]).expect_code(0);
    assert_eq!(again.out, "The database is up to date.\n");
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let site = Site::new();
    site.run(&["migrate"]).expect_code(0);
    let mut connection = SqliteConnection::establish(site.path("data/paylent.db").to_str().unwrap()).unwrap();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
    sql_query(newer).execute(&mut connection).unwrap();
    let rows = site.rows("data/paylent.db");
    for command in [&["migrate"][..], &["migrate", "--status"], &["serve"]] {
        let refused = site.run(command).expect_code(1);
        let said = "the database has migration 9999, which this version does not know";
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    assert_eq!(site.rows("data/paylent.db"), rows);
}
