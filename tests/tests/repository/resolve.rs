//! Applications that use the libraries beside other crates resolve: no exact versions and no second
//! copy of a native library.
//!
//! Each test writes a package outside the workspace and lets cargo choose its versions, which reads
//! the index of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The versions of each package in a lock file.
type Versions = BTreeMap<String, BTreeSet<String>>;

fn root() -> std::path::PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the root exists")
}

fn versions(lock: &Path) -> Versions {
    let text = fs::read_to_string(lock).expect("cargo has written the lock file");
    let mut found = Versions::new();
    let mut name = "";
    for line in text.lines() {
        let value = |key: &str| line.strip_prefix(key)?.strip_suffix('"');
        if let Some(one) = value("name = \"") {
            name = one;
        } else if let Some(version) = value("version = \"") {
            found.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    found
}

/// Resolves an application with the coordinator on these stores and further dependencies, and
/// returns cargo's message if that fails.
fn resolve(stores: &[&str], dependencies: &[&str]) -> Result<Versions, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = root();
    let own = |name: &str| format!("path = {:?}", root.join(name).to_string_lossy());
    let manifest = format!(
        "[package]\nname = \"application\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nablo = {{ {}, features = [\"client\"] }}\n\
         ablo-server = {{ {}, default-features = false, features = {stores:?} }}\n{}\n",
        own("ablo"),
        own("ablo-server"),
        dependencies.join("\n"),
    );
    fs::create_dir(folder.path().join("src")).expect("the folder is empty");
    fs::write(folder.path().join("src/lib.rs"), "").expect("the folder is writable");
    fs::write(folder.path().join("Cargo.toml"), manifest).expect("the folder is writable");
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.arg("generate-lockfile").current_dir(folder.path()).output();
    let output = output.expect("cargo runs");
    if output.status.success() {
        Ok(versions(&folder.path().join("Cargo.lock")))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn has(versions: &Versions, name: &str, version: &str) -> bool {
    versions.get(name).is_some_and(|all| all.contains(version))
}

#[test]
fn other_patches_of_shared_crates_are_accepted() {
    // The lowest versions that the workspace allows.
    let pinned = [("tokio", "1.47.1"), ("uuid", "1.18.0"), ("syn", "3.0.0")];
    let own = versions(&root().join("Cargo.lock"));
    let lines = pinned.map(|(name, version)| {
        assert!(!has(&own, name, version), "Cargo.lock has {name} {version} itself");
        format!("{name} = \"={version}\"")
    });
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let resolved = resolve(&["postgres", "sqlite"], &lines).unwrap_or_else(|error| {
        panic!("{error}");
    });
    for (name, version) in pinned {
        assert!(has(&resolved, name, version), "{name} is not at {version}");
    }
}

const SQLX: &str =
    "sqlx = { version = \"0.9\", features = [\"postgres\", \"runtime-tokio\", \"sqlite\"] }";

#[test]
fn a_coordinator_on_postgresql_leaves_sqlite_to_sqlx() {
    let resolved = resolve(&["postgres"], &[SQLX]).unwrap_or_else(|error| panic!("{error}"));
    assert!(resolved.contains_key("sqlx-sqlite"));
    assert_eq!(resolved["libsqlite3-sys"].len(), 1);
    assert!(!resolved.contains_key("rusqlite"));
}

#[test]
fn a_coordinator_on_postgresql_leaves_sqlite_to_sea_orm() {
    let sea_orm = "sea-orm = { version = \"2\", features = [\"runtime-tokio\", \
        \"sqlx-postgres\", \"sqlx-sqlite\"] }";
    let resolved = resolve(&["postgres"], &[sea_orm]).unwrap_or_else(|error| panic!("{error}"));
    assert!(resolved.contains_key("sqlx-sqlite"));
    assert!(!resolved.contains_key("rusqlite"));
}

#[test]
fn two_versions_of_sqlite_conflict() {
    // sqlx 0.9 needs libsqlite3-sys below 0.38 and rusqlite needs 0.40: one program has one copy.
    let error = resolve(&["sqlite"], &[SQLX]).expect_err("the versions of SQLite differ");
    assert!(error.contains("links to the native library `sqlite3`"), "{error}");
}
