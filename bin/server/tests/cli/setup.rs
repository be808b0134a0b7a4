use serde_json::Value;

use crate::paylent::{PASSWORD, Site, mode};

#[test]
fn setup_prints_one_object_with_the_secrets_of_both_environments() {
    let site = Site::new();
    let made = site.set_up("acme", &["--json"]).expect_code(0);
    let object: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(made.out.trim_end().lines().count(), 1);
    assert_eq!(object["account"], "acme");
    assert_eq!(object["admin"], serde_json::json!({ "email": "admin@acme.example" }));
    assert_eq!(object["dashboard_url"], "http://dashboard.localhost:8080");
    let environments = object["environments"].as_array().unwrap();
    assert_eq!(environments.len(), 2);
    for (environment, handle) in environments.iter().zip(["acme-test", "acme-production"]) {
        let issuer = format!("http://{handle}.localhost:8080");
        assert_eq!(environment["handle"], handle);
        assert_eq!(environment["issuer"], issuer.as_str());
        assert_eq!(environment["management_api"], format!("{issuer}/api"));
        assert_eq!(environment["client_id"].as_str().unwrap().len(), 32);
        assert!(environment["client_secret"].as_str().unwrap().starts_with("pay_cs_"));
        assert_eq!(environment.as_object().unwrap().len(), 5);
    }
    assert_eq!(made.err, "");
    assert_eq!(mode(&site.path("data/master.key")), 0o600);
    assert_eq!(mode(&site.path("data")), 0o700);
}

#[test]
fn the_default_environment_is_addressed_by_the_bare_host() {
    let site = Site::new();
    let flags = ["--json", "--base-url", "https://id.example.com", "--default-environment", "acme-test"];
    let object: Value = serde_json::from_str(&site.set_up("acme", &flags).expect_code(0).out).unwrap();
    assert_eq!(object["environments"][0]["issuer"], "https://id.example.com");
    assert_eq!(object["environments"][1]["management_api"], "https://acme-production.id.example.com/api");
}

#[test]
fn a_second_setup_of_the_same_account_is_refused_and_changes_nothing() {
    let site = Site::new();
    site.set_up("acme", &[]).expect_code(0);
    let rows = site.rows("data/paylent.db");
    assert!(rows.len() > 50, "a dump that shows something");
    let refused = site.set_up("acme", &["--json"]).expect_code(1);
    assert!(refused.err.contains("the account acme already exists"), "{}", refused.err);
    assert_eq!(refused.out, "");
    assert_eq!(site.rows("data/paylent.db"), rows);
}

#[test]
fn another_account_joins_the_first() {
    let site = Site::new();
    site.set_up("acme", &[]).expect_code(0);
    let made = site.set_up("beta", &["--json"]).expect_code(0);
    let object: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(object["environments"][0]["handle"], "beta-test");
    let systems = site.rows("data/paylent.db").iter().filter(|row| row.starts_with("environments: ")).count();
    assert_eq!(systems, 5, "two each, and one system environment");
}

#[test]
fn without_json_it_says_the_same_to_people_with_a_command_to_try() {
    let made = Site::new().set_up("acme", &["--admin-first-name", "Jane"]).expect_code(0);
    for part in
        ["The account acme is ready.", "Environment acme-production", "  curl -u '", "grant_type=client_credentials"]
    {
        assert!(made.out.contains(part), "{part}: {}", made.out);
    }
}

#[test]
fn neither_the_password_nor_a_secret_is_in_the_database() {
    let site = Site::new();
    let made = site.set_up("acme", &["--json"]).expect_code(0);
    let object: Value = serde_json::from_str(&made.out).unwrap();
    let rows = site.rows("data/paylent.db").join("\n");
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let secrets = object["environments"].as_array().unwrap().iter().map(|e| e["client_secret"].as_str().unwrap());
    for secret in secrets.chain([PASSWORD]) {
        assert!(!rows.contains(secret) && !rows.contains(&hex(secret)));
    }
    assert!(rows.contains("$argon2id$"));
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_made() {
    let site = Site::new();
    let setup = |arguments: &[&str], password: &str| {
        let arguments: Vec<&str> = ["setup", "--admin-password-stdin"].iter().chain(arguments).copied().collect();
        site.run_with_input(&arguments, password).expect_code(2).err
    };
    let good = ["--account", "acme", "--admin-email", "jane@example.com"];
    assert!(setup(&good, "short\n").contains("the admin's password is too short"));
    assert!(setup(&good, "").contains("the admin's password is too short"));
    assert!(setup(&["--account", "www", "--admin-email", "jane@example.com"], PASSWORD).contains("is a reserved name"));
    assert!(setup(&["--account", "acme", "--admin-email", "jane"], PASSWORD).contains("must be an e-mail address"));
    let unnamed = site.run_with_input(&[&["setup"], &good[..]].concat(), PASSWORD).expect_code(2);
    assert!(unnamed.err.contains("--admin-password-stdin"), "{}", unnamed.err);
    assert!(!site.path("data").exists());
}
