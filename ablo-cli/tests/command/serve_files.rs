//! SQLite files of `ablo serve`: one coordinator each, whole after a clean stop, and noticed when
//! they are deleted.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", unix))]

use crate::support::coordinator::ServerProcess;
use crate::support::{RunOutput, TestDir};

const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";
const SERVE: [&str; 6] =
    ["serve", "schema.json", "--database-url", "sqlite:rows.db", "--listen", "127.0.0.1:0"];

fn schema(dir: &TestDir) {
    let mutable = r#""projects": { "mutable": true,"#;
    dir.put("schema.json", crate::support::SCHEMA.replacen(r#""projects": {"#, mutable, 1));
}

fn row(id: &str) -> String {
    format!(r#"{{"id":"{id}","data":{{"name":"Weather"}}}}"#)
}

fn run(dir: &TestDir, args: &[&str]) -> RunOutput {
    let mut command = dir.command(args);
    command.env("ABLO_SECRET_KEY", KEY).output().expect("ablo starts").into()
}

#[test]
fn a_second_coordinator_of_a_file_is_refused_with_the_process_of_the_first() {
    let dir = TestDir::empty();
    schema(&dir);
    let mut running = ServerProcess::start(&dir, &SERVE, Some(KEY));
    let process = format!("process {}", running.child.id());
    let second = run(&dir, &SERVE);
    assert_eq!(second.status, 2, "{}", second.err);
    assert!(
        second.err.contains("ablo::database::file_in_use") && second.err.contains(&process),
        "{}",
        second.err
    );
    // A development server beside it, too.
    let dev = ["dev", "schema.json", "--listen", "127.0.0.1:0"];
    let developing = ServerProcess::start(&dir, &dev, None);
    let again = run(&dir, &dev);
    assert!(again.err.contains("ablo::database::file_in_use"), "{}", again.err);
    assert_eq!(developing.stop(), Some(0));
    // The lock ends with the process, however it ends.
    running.kill();
    let next = ServerProcess::start(&dir, &SERVE, Some(KEY));
    assert_eq!(next.request("POST", "/api/v1/models/projects", &row("p1")).0, 201);
    assert_eq!(next.stop(), Some(0));
}

#[test]
fn a_served_file_is_read_by_other_commands_and_migrated_by_none() {
    let dir = TestDir::empty();
    schema(&dir);
    let running = ServerProcess::start(&dir, &SERVE, Some(KEY));
    let url = ["--database-url", "sqlite:rows.db"];
    for command in [["migrate", "status"].as_slice(), &["migrate", "drift", "schema.json"]] {
        let ran = run(&dir, &[command, &url].concat());
        assert_eq!(ran.status, 0, "{command:?}: {} {}", ran.out, ran.err);
    }
    let keys = run(&dir, &[["key", "list"].as_slice(), &url].concat());
    assert!(keys.status == 0 && keys.out.contains("environment"), "{} {}", keys.out, keys.err);
    let name = r#""name": { "type": "string", "isOptional": false, "isIndexed": false }"#;
    let text = std::fs::read_to_string(dir.path("schema.json")).expect("a schema");
    let goal = format!(
        r#"{name}, "goal": {{ "type": "string", "isOptional": true, "isIndexed": false }}"#
    );
    let grown = text.replacen(name, &goal, 1);
    assert_ne!(grown, text);
    dir.put("grown.json", grown);
    let plan = ["migrate", "plan", "grown.json", "--out", "plan.json"];
    let planned = run(&dir, &[&plan, url.as_slice()].concat());
    assert!(dir.path("plan.json").exists(), "{} {}", planned.out, planned.err);
    let apply = run(&dir, &[["migrate", "apply", "--plan", "plan.json"].as_slice(), &url].concat());
    assert_ne!(apply.status, 0);
    assert!(apply.err.contains("ablo::database::file_in_use"), "{} {}", apply.out, apply.err);
    assert_eq!(running.stop(), Some(0));
    let apply = run(&dir, &[["migrate", "apply", "--plan", "plan.json"].as_slice(), &url].concat());
    assert_eq!(apply.status, 0, "{} {}", apply.out, apply.err);
}

#[test]
fn after_a_clean_stop_the_file_alone_has_all_rows() {
    let dir = TestDir::empty();
    schema(&dir);
    let running = ServerProcess::start(&dir, &SERVE, Some(KEY));
    for at in 0..50 {
        let created = running.request("POST", "/api/v1/models/projects", &row(&format!("p{at}")));
        assert_eq!(created.0, 201, "{}", created.1);
    }
    assert_eq!(running.stop(), Some(0));
    assert!(!dir.path("rows.db-wal").exists(), "the write-ahead log is checkpointed");
    std::fs::copy(dir.path("rows.db"), dir.path("copy.db")).expect("a copy");
    let copy = rusqlite::Connection::open(dir.path("copy.db")).expect("the copy opens");
    let count: i64 = copy
        .query_row("SELECT count(*) FROM projects", [], |row| row.get(0))
        .expect("the rows are counted");
    assert_eq!(count, 50);
}

#[test]
fn a_deleted_file_makes_the_coordinator_unhealthy() {
    let dir = TestDir::empty();
    schema(&dir);
    let running = ServerProcess::start(&dir, &SERVE, Some(KEY));
    assert_eq!(running.request("GET", "/api/health", "").0, 200);
    let kept = std::fs::read(dir.path("rows.db")).expect("the file");
    std::fs::remove_file(dir.path("rows.db")).expect("the file is deleted");
    let (status, body) = running.request("GET", "/api/health", "");
    assert_eq!(status, 503, "{body}");
    // Another file at the same path is not the one that is served.
    std::fs::write(dir.path("rows.db"), kept).expect("a copy");
    assert_eq!(running.request("GET", "/api/health", "").0, 503);
}
