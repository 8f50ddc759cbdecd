//! `ablo backup`: a checked copy of a SQLite file beside its coordinator.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", unix))]

use crate::support::coordinator::ServerProcess;
use crate::support::{RunOutput, TestDir};
use std::path::Path;

const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";

fn run(dir: &TestDir, args: &[&str]) -> RunOutput {
    let mut command = dir.command(args);
    command.env("ABLO_SECRET_KEY", KEY).output().expect("ablo starts").into()
}

fn serve(dir: &TestDir, database: &str) -> ServerProcess {
    let mutable = r#""projects": { "mutable": true,"#;
    dir.put("schema.json", crate::support::SCHEMA.replacen(r#""projects": {"#, mutable, 1));
    let url = format!("sqlite:{database}");
    let args = ["serve", "schema.json", "--database-url", &url, "--listen", "127.0.0.1:0"];
    ServerProcess::start(dir, &args, Some(KEY))
}

fn copy(dir: &TestDir, to: &str) -> RunOutput {
    run(dir, &["backup", to, "--database-url", "sqlite:rows.db"])
}

fn create(server: &ServerProcess, id: &str) {
    let row = format!(r#"{{"id":"{id}","data":{{"name":"Weather"}}}}"#);
    assert_eq!(server.request("POST", "/api/v1/models/projects", &row).0, 201);
}

/// Damages the sync log of a database file.
pub(crate) fn damage(path: &Path) {
    let database = rusqlite::Connection::open(path).expect("the file");
    let page = |sql: &str| -> usize {
        let found: i64 = database.query_row(sql, [], |row| row.get(0)).expect("a page");
        usize::try_from(found).expect("a page")
    };
    let root = page("SELECT rootpage FROM sqlite_schema WHERE name = 'sync_deltas'");
    let size = page("PRAGMA page_size");
    drop(database);
    let mut bytes = std::fs::read(path).expect("the file");
    let at = (root - 1) * size;
    bytes[at..at + size].fill(0xFF);
    std::fs::write(path, bytes).expect("the file is damaged");
}

#[test]
fn a_copy_beside_a_running_coordinator_is_whole_and_can_be_served() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = TestDir::empty();
    let running = serve(&dir, "rows.db");
    create(&running, "p1");
    let copied = copy(&dir, "copy.db");
    assert_eq!(copied.status, 0, "{}", copied.err);
    assert!(copied.err.contains("copied"), "{}", copied.err);
    create(&running, "p2");
    let mode = std::fs::metadata(dir.path("copy.db")).expect("the copy").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600, "only its owner can read it");
    let restored = serve(&dir, "copy.db");
    assert_eq!(restored.request("GET", "/api/v1/models/projects/p1", "").0, 200);
    assert_eq!(restored.request("GET", "/api/v1/models/projects/p2", "").0, 404);
    // The running coordinator is not affected.
    create(&running, "p3");
    assert_eq!(restored.stop(), Some(0));
    assert_eq!(running.stop(), Some(0));
    let names: Vec<String> = std::fs::read_dir(dir.path("."))
        .expect("the folder")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().all(|name| !name.contains("partial")), "{names:?}");
}

#[test]
fn what_cannot_be_copied_is_refused_with_a_code() {
    let dir = TestDir::empty();
    let running = serve(&dir, "rows.db");
    dir.put("copy.db", "an earlier copy");
    let refused = copy(&dir, "copy.db");
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("ablo::backup::exists"), "{}", refused.err);
    assert_eq!(dir.get("copy.db"), "an earlier copy");
    let lost = copy(&dir, "missing/copy.db");
    assert_eq!(lost.status, 2);
    assert!(lost.err.contains("ablo::serve::database_unavailable"), "{}", lost.err);
    let url = "postgres://someone@127.0.0.1:1/none";
    let postgres = run(&dir, &["backup", "other.db", "--database-url", url]);
    assert_eq!(postgres.status, 2);
    assert!(postgres.err.contains("ablo::backup::postgres"), "{}", postgres.err);
    assert!(postgres.err.contains("pg_dump"), "{}", postgres.err);
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_damaged_file_is_not_copied() {
    let dir = TestDir::empty();
    let running = serve(&dir, "rows.db");
    create(&running, "p1");
    assert_eq!(running.stop(), Some(0));
    damage(&dir.path("rows.db"));
    let refused = copy(&dir, "copy.db");
    assert_eq!(refused.status, 2, "{}", refused.err);
    assert!(refused.err.contains("ablo::backup::damaged"), "{}", refused.err);
    assert!(!dir.path("copy.db").exists());
}
