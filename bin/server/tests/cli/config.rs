use crate::paylent::Site;

#[test]
fn a_valid_configuration_is_shown_with_its_origins_and_without_secrets() {
    let site = Site::new()
        .with("PAYLENT_CONFIG", "paylent.toml")
        .with("PAYLENT_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    site.write("paylent.toml", "default_environment = 'acme-test'");
    let checked = site.run(&["config", "check", "--listen", "127.0.0.1:9999"]).expect_code(0);
    for line in [
        "listen = \"127.0.0.1:9999\"  # flag",
        "base_url = \"http://localhost:9999\"  # default",
        "default_environment = \"acme-test\"  # paylent.toml",
        "master_key = \"[redacted]\"  # environment",
        "The configuration is ok.",
    ] {
        assert!(checked.out.lines().any(|have| have == line), "{line}: {}", checked.out);
    }
    assert!(!checked.out.contains("AAECAw"));
}

#[test]
fn every_command_refuses_an_unknown_key_and_names_the_nearest() {
    let site = Site::new().with("PAYLENT_LISTEM", "127.0.0.1:1");
    for command in [&["config", "check"][..], &["serve"], &["migrate"]] {
        let refused = site.run(command).expect_code(2);
        let said = "PAYLENT_LISTEM is unknown; the nearest known is PAYLENT_LISTEN";
        assert!(refused.err.contains(said) && refused.out.is_empty(), "{}", refused.err);
    }
    assert!(!site.path("data").exists(), "nothing was made");
}

#[test]
fn a_wrong_flag_is_named_as_it_was_given() {
    let refused = Site::new().run(&["serve", "--base-url", "localhost"]).expect_code(2);
    assert!(refused.err.contains("--base-url must be a URL"), "{}", refused.err);
}

#[test]
fn help_lists_the_keys_and_version_is_one_line() {
    let help = Site::new().run(&["serve", "--help"]).expect_code(0);
    assert!(help.out.contains("PAYLENT_RATE_LIMIT__API") && help.out.contains("[default: 100]"), "{}", help.out);
    let version = Site::new().run(&["--version"]).expect_code(0);
    assert_eq!(version.out, concat!("paylent ", env!("CARGO_PKG_VERSION"), "\n"));
}
