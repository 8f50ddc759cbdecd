//! Runs `ablo serve` of two versions of a schema on one database.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", unix))]

use crate::support::coordinator::ServerProcess;
use crate::support::{RunOutput, TestDir};
use ablo_tests::postgres::Server;
use std::time::{Duration, Instant};

const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";
const ROW: &str = r#"{"id":"p1","data":{"name":"Weather"}}"#;
const NAME: &str = r#""name": { "type": "string", "isOptional": false, "isIndexed": false }"#;

/// A folder with the schema in three versions: one that old processes do not notice is `wide.json`,
/// one that they do is `renamed.json`.
fn versions() -> TestDir {
    let dir = TestDir::empty();
    let old =
        crate::support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1);
    let goal = r#""goal": { "type": "string", "isOptional": true, "isIndexed": false }"#;
    let wide = old.replacen(NAME, &format!("{NAME}, {goal}"), 1);
    let renamed = NAME.replacen(r#""name": {"#, r#""title": { "renamedFrom": "name","#, 1);
    dir.put("renamed.json", wide.replacen(NAME, &renamed, 1));
    dir.put("wide.json", wide);
    dir.put("old.json", old);
    dir
}

fn serving<'a>(file: &'a str, address: &'a str) -> [&'a str; 6] {
    ["serve", file, "--database-url", address, "--listen", "127.0.0.1:0"]
}

fn start(dir: &TestDir, file: &str, address: &str) -> ServerProcess {
    ServerProcess::start(dir, &serving(file, address), Some(KEY))
}

/// Runs `ablo serve`, which refuses.
fn refused(dir: &TestDir, file: &str, address: &str, more: &[&str]) -> RunOutput {
    let mut command = dir.command(&[&serving(file, address)[..], more].concat());
    command.env("ABLO_SECRET_KEY", KEY).output().expect("ablo starts").into()
}

fn wait_for(what: &str, mut is_done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_done() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn restarts_never_migrate_back(address: &str) {
    let dir = versions();
    let mut old = start(&dir, "old.json", address);
    assert_eq!(old.request("POST", "/v1/models/projects", ROW).0, 201);
    old.kill();
    let mut wide = start(&dir, "wide.json", address);
    let path = "/v1/models/projects/p1";
    assert_eq!(wide.request("PATCH", path, r#"{"data":{"goal":"Rain"}}"#).0, 200);
    wide.kill();
    // The old process serves its version of the newer tables, and leaves the new column alone.
    let mut old = start(&dir, "old.json", address);
    assert_eq!(old.request("PATCH", path, r#"{"data":{"name":"Climate"}}"#).0, 200);
    old.kill();
    let mut wide = start(&dir, "wide.json", address);
    let (status, row) = wide.request("GET", path, "");
    assert!(status == 200 && row.contains("Rain") && row.contains("Climate"), "{row}");
    wide.kill();
    // After a change that it cannot serve, it refuses, and so does the one between.
    let apply = ["migrate", "apply", "renamed.json", "--database-url", address];
    let ran = dir.run(&apply);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for file in ["old.json", "wide.json"] {
        let ran = refused(&dir, file, address, &[]);
        let is_coded = ran.err.contains("ablo::migrate::schema_behind");
        assert!(ran.status != 0 && is_coded, "{} {}", ran.status, ran.err);
        assert!(ran.err.contains("`projects."), "{}", ran.err);
    }
    let newest = start(&dir, "renamed.json", address);
    let (status, row) = newest.request("GET", path, "");
    assert!(status == 200 && row.contains(r#""title":"Climate""#), "{row}");
}

#[test]
fn restarts_never_migrate_back_on_postgres() {
    let database = Server::shared().database();
    restarts_never_migrate_back(&database.address());
}

#[test]
fn restarts_never_migrate_back_on_sqlite() {
    let folder = TestDir::empty();
    restarts_never_migrate_back(&format!("sqlite:{}", folder.path("rows.db").display()));
}

#[test]
fn a_running_coordinator_notices_a_migration() {
    let (dir, database) = (versions(), Server::shared().database());
    let address = database.address();
    let old = start(&dir, "old.json", &address);
    let path = "/v1/models/projects/p1";
    assert_eq!(old.request("POST", "/v1/models/projects", ROW).0, 201);
    let apply = |file: &str, more: &[&str]| {
        let args = ["migrate", "apply", file, "--database-url", &address];
        let ran = dir.run(&[&args, more].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
    };
    // One that changes nothing for it goes unnoticed.
    apply("wide.json", &[]);
    for _ in 0..20 {
        assert_eq!(old.request("GET", path, "").0, 200);
        assert_eq!(old.request("PATCH", path, r#"{"data":{"name":"Climate"}}"#).0, 200);
    }
    // During one that it cannot serve, each answer is a success or says so.
    let requests = [("GET", path, ""), ("PATCH", path, r#"{"data":{"name":"Sun"}}"#)];
    let mut codes = Vec::new();
    std::thread::scope(|scope| {
        let migration = scope.spawn(|| apply("renamed.json", &[]));
        while !migration.is_finished() {
            for (method, path, body) in requests {
                codes.push(old.request(method, path, body));
            }
        }
    });
    for (status, body) in &codes {
        let is_coded = *status == 503 && body.contains(r#""code":"schema_moved""#);
        assert!(*status == 200 || is_coded, "{status} {body}");
    }
    for path in [path, "/health", "/v1/models/projects"] {
        let (status, body) = old.request("GET", path, "");
        assert!(status == 503 && body.contains(r#""code":"schema_moved""#), "{status} {body}");
    }
    // When the database has the schema again, it serves again without a restart.
    std::fs::write(
        dir.path("hints.json"),
        r#"{"fields":[{"model":"projects","from":"title","to":"name"}]}"#,
    )
    .expect("hints");
    apply("wide.json", &["--hints", "hints.json"]);
    wait_for("it does not recover", || old.request("GET", "/health", "").0 == 200);
    assert_eq!(old.request("GET", path, "").0, 200);
    assert_eq!(old.stop(), Some(0));
}

#[test]
fn a_process_waits_for_the_migration_of_another() {
    let (dir, database) = (versions(), Server::shared().database());
    let address = database.address();
    drop(start(&dir, "old.json", &address));
    let ran = refused(&dir, "wide.json", &address, &["--migrate", "never"]);
    assert!(ran.status != 0 && ran.err.contains("ablo::migrate::schema_ahead"), "{}", ran.err);
    let args = [&serving("wide.json", &address)[..], &["--migrate", "wait"]].concat();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ServerProcess::start(&dir, &args, Some(KEY)));
        let apply = ["migrate", "apply", "wide.json", "--database-url", &address];
        assert_eq!(dir.run(&apply).status, 0);
        let started = waiting.join().expect("it serves");
        assert_eq!(started.request("GET", "/health", "").0, 200);
        assert_eq!(started.stop(), Some(0));
    });
}
