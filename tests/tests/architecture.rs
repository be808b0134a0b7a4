//! The plan of docs/ARCHITECTURE.md, checked against what Cargo knows.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our crates each of our crates may depend on.
const EDGES: [(&str, &[&str]); 14] = [
    ("paylent-domain", &[]),
    ("paylent-crypto", &[]),
    ("paylent-jsonapi", &[]),
    ("paylent-outbound", &[]),
    ("paylent-ratelimit", &[]),
    ("paylent-bench", &[]),
    ("paylent-mail", &["paylent-crypto", "paylent-domain"]),
    ("paylent-oauth", &["paylent-crypto", "paylent-domain"]),
    ("paylent-resource-server", &["paylent-crypto"]),
    ("paylent-storage", &["paylent-domain", "paylent-oauth"]),
    (
        "paylent-api",
        &["paylent-crypto", "paylent-domain", "paylent-jsonapi", "paylent-mail", "paylent-oauth", "paylent-storage"],
    ),
    ("paylent-web", &["paylent-crypto", "paylent-domain", "paylent-mail", "paylent-oauth", "paylent-storage"]),
    (
        "paylent-server",
        &[
            "paylent-api",
            "paylent-crypto",
            "paylent-domain",
            "paylent-jsonapi",
            "paylent-mail",
            "paylent-oauth",
            "paylent-outbound",
            "paylent-ratelimit",
            "paylent-storage",
            "paylent-web",
        ],
    ),
    ("paylent-tests", &["paylent-crypto", "paylent-domain", "paylent-oauth", "paylent-storage"]),
];

/// What the core and the leaves must not be built on, directly or through others.
const NOT_IN_THE_CORE: [&str; 4] = ["actix-web", "actix-http", "diesel", "tokio-postgres"];

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    // Only what this machine builds: the crates of other systems need not be here.
    let platform = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
    let options = vec!["--locked".to_owned(), platform];
    MetadataCommand::new().manifest_path(manifest).other_options(options).exec().unwrap()
}

/// The normal and build dependencies of a package, by name.
fn dependencies(package: &Package) -> BTreeSet<&str> {
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn crates_depend_on_each_other_exactly_as_planned() {
    let metadata = metadata();
    let ours: BTreeMap<String, BTreeSet<String>> = metadata
        .workspace_packages()
        .iter()
        .map(|package| {
            let ours = dependencies(package).into_iter().filter(|name| name.starts_with("paylent-"));
            (package.name.to_string(), ours.map(str::to_owned).collect())
        })
        .collect();
    let planned: BTreeMap<String, BTreeSet<String>> = EDGES
        .iter()
        .map(|(name, edges)| ((*name).to_owned(), edges.iter().map(|edge| (*edge).to_owned()).collect()))
        .collect();
    assert_eq!(ours, planned);
}

#[test]
fn the_core_and_the_leaves_are_free_of_web_framework_and_database() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let name_of = |id| metadata[id].name.as_str();
    let free =
        ["domain", "crypto", "oauth", "jsonapi", "mail", "outbound", "ratelimit"].map(|name| format!("paylent-{name}"));
    for root in free {
        let start = resolve.nodes.iter().find(|node| name_of(&node.id) == root).unwrap();
        let (mut seen, mut open) = (BTreeSet::from([&start.id]), vec![&start.id]);
        while let Some(id) = open.pop() {
            let node = resolve.nodes.iter().find(|node| node.id == *id).unwrap();
            let shipped = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
            open.extend(shipped.map(|dependency| &dependency.pkg).filter(|id| seen.insert(id)));
        }
        for forbidden in NOT_IN_THE_CORE {
            assert!(!seen.iter().any(|id| name_of(id) == forbidden), "{root} is built on {forbidden}");
        }
    }
}

#[test]
fn licences_are_permissive_and_banned_crates_absent() {
    let policy = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml")).unwrap();
    let list = policy.split("allow = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let allowed: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let banned: BTreeSet<&str> = policy.split("crate = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(allowed.contains("MIT") && banned.contains("actix-governor"), "deny.toml was not understood");
    for package in &metadata().packages {
        assert!(!banned.contains(package.name.as_str()), "{} is banned", package.name);
        let licence = package.license.as_deref().unwrap_or_default();
        let any = licence.replace('/', " OR ");
        let choices: Vec<&str> = any.split(" OR ").map(|choice| choice.trim_matches(['(', ')', ' '])).collect();
        let fits =
            |choice: &&str| choice.split(" AND ").all(|part| allowed.contains(part.trim_matches(['(', ')', ' '])));
        assert!(choices.iter().any(fits), "{}: {licence:?}", package.name);
    }
}

/// Versions below which a dependency has a known hole, from the advisories that concern us.
#[test]
fn st_deps_the_lock_file_holds_no_version_with_a_known_hole() {
    let least = [
        ("actix-http", (3, 12, 1)),
        ("actix-multipart", (0, 8, 0)),
        ("openssl", (0, 10, 80)),
        ("diesel", (2, 2, 3)),
        ("diesel-async", (0, 9, 0)),
        ("idna", (1, 0, 0)),
        ("url", (2, 5, 4)),
    ];
    let metadata = metadata();
    for (name, least) in least {
        let found: Vec<_> = metadata.packages.iter().filter(|package| package.name.as_str() == name).collect();
        assert!(!found.is_empty(), "{name} is not in the lock file");
        for package in found {
            let version = (package.version.major, package.version.minor, package.version.patch);
            assert!(version >= least, "{name} {}", package.version);
        }
    }
}
