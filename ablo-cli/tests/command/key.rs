//! `ablo key`, and the key of the environment of `ablo serve`, on both databases.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", unix))]

use crate::support::coordinator::ServerProcess;
use crate::support::{RunOutput, SCHEMA, TestDir};
use ablo_tests::postgres::Server;
use std::time::{Duration, Instant};

const NOTES: &str = "/api/v1/models/projects";

/// Runs a command on a database, without a key in the environment.
fn run(dir: &TestDir, args: &[&str], address: &str) -> RunOutput {
    let mut command = dir.command(&[args, &["--database-url", address]].concat());
    command.env_remove("ABLO_SECRET_KEY");
    let ran: RunOutput = command.output().expect("ablo starts").into();
    assert!(!ran.err.contains("sk_"), "no key is logged: {}", ran.err);
    ran
}

/// Runs a command that succeeds, and returns its output.
fn ok(dir: &TestDir, args: &[&str], address: &str) -> String {
    let ran = run(dir, args, address);
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran.out
}

fn serve(dir: &TestDir, address: &str, key: Option<&str>) -> ServerProcess {
    let args = ["serve", "schema.json", "--database-url", address, "--listen", "127.0.0.1:0"];
    ServerProcess::start(dir, &args, key)
}

fn status(running: &ServerProcess, key: &str) -> u16 {
    running.request_as(key, "GET", NOTES, "").0
}

/// Waits until a key is refused, for at most two seconds.
fn refused(running: &ServerProcess, key: &str) {
    let deadline = Instant::now() + Duration::from_secs(2);
    while status(running, key) != 401 {
        assert!(Instant::now() < deadline, "the key is still accepted");
    }
}

fn on_both_databases(test: fn(&TestDir, &str)) {
    let dir = TestDir::empty();
    dir.put("schema.json", SCHEMA);
    test(&dir, "sqlite:app.db");
    let database = Server::shared().database();
    test(&dir, &database.address());
}

#[test]
fn keys_are_created_listed_rotated_and_revoked() {
    on_both_databases(|dir, address| {
        let key = ok(dir, &["key", "create", "--label", "backend"], address);
        let key = key.strip_suffix('\n').expect("one line");
        let random = key.strip_prefix("sk_test_").expect("a test key");
        assert!(random.len() * 4 >= 128 && random.chars().all(|one| one.is_ascii_hexdigit()));
        let listed = ok(dir, &["key", "list"], address);
        assert!(listed.contains("active") && listed.contains("backend"), "{listed}");
        assert!(!listed.contains(random), "a key is shown once");
        let id = listed.split_whitespace().next().expect("an id");

        // No key is needed in the environment.
        let running = serve(dir, address, None);
        assert_eq!(status(&running, key), 200);
        let new = ok(dir, &["key", "rotate", id, "--grace", "60"], address);
        assert_eq!((status(&running, key), status(&running, new.trim())), (200, 200));
        ok(dir, &["key", "revoke", id], address);
        refused(&running, key);
        assert_eq!(status(&running, new.trim()), 200, "the new key does not end with the old one");
        let other = ok(dir, &["key", "create", "--organization", "other"], address);
        assert_eq!(status(&running, other.trim()), 200);
        let listed = ok(dir, &["key", "list"], address);
        let states: Vec<&str> =
            listed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(states, ["revoked", "active"]);
        assert_eq!(running.stop(), Some(0));

        let unknown = run(dir, &["key", "revoke", id, "--organization", "other"], address);
        assert!(unknown.status == 2 && unknown.err.contains("ablo::key::refused"));
        let reserved = run(dir, &["key", "create", "--label", "environment"], address);
        assert!(reserved.status == 2 && reserved.err.contains("ablo::key::refused"));
    });
}

#[test]
fn a_replaced_key_of_the_environment_ends() {
    on_both_databases(|dir, address| {
        let key = |digit: &str| format!("sk_test_{}", digit.repeat(32));
        let (old, new) = (key("a"), key("b"));
        let kept = ok(dir, &["key", "create"], address);
        for _ in 0..2 {
            let running = serve(dir, address, Some(&old));
            assert_eq!(status(&running, &old), 200);
            assert_eq!(running.stop(), Some(0));
        }
        let running = serve(dir, address, Some(&new));
        let states = [&old, &new, kept.trim()].map(|key| status(&running, key));
        assert_eq!(states, [401, 200, 200]);
        assert_eq!(running.stop(), Some(0));
        let mut again = dir.command(&["serve", "schema.json", "--database-url", address]);
        let ran: RunOutput =
            again.env("ABLO_SECRET_KEY", &old).output().expect("ablo starts").into();
        assert!(ran.status == 2 && ran.err.contains("ablo::serve::ended_key"), "{}", ran.err);
    });
}

#[test]
fn serve_needs_a_key() {
    on_both_databases(|dir, address| {
        let refused = |expected: &str| {
            let ran = run(dir, &["serve", "schema.json", "--listen", "127.0.0.1:0"], address);
            assert!(ran.status == 2 && ran.err.contains(expected), "{}", ran.err);
            ran
        };
        let ran = refused("ablo::serve::no_key");
        assert!(ran.err.contains("ablo key create"), "{}", ran.err);
        ok(dir, &["key", "create"], address);
        let listed = ok(dir, &["key", "list"], address);
        let id = listed.split_whitespace().next().expect("an id");
        ok(dir, &["key", "revoke", id], address);
        refused("ablo::serve::no_key");
    });
}
