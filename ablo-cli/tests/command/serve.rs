//! Runs `ablo dev` and `ablo serve`.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", unix))]

use crate::support::TestDir;
use crate::support::coordinator::{ServerProcess, try_commit};
use std::process::Command;
use std::time::{Duration, Instant};

const ROW: &str = r#"{"id":"p1","data":{"name":"Weather"}}"#;

fn mutable(dir: &TestDir) {
    let schema =
        crate::support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1);
    dir.put("schema.json", schema);
}

#[test]
fn dev_needs_only_a_schema() {
    let dir = TestDir::empty();
    mutable(&dir);
    let began = Instant::now();
    let running =
        ServerProcess::start(&dir, &["dev", "schema.json", "--listen", "127.0.0.1:0"], None);
    assert!(began.elapsed() < Duration::from_secs(5), "a debug build on a busy machine");
    assert_eq!(running.request("GET", "/api/health", "").0, 200);
    assert_eq!(running.request("POST", "/api/v1/models/projects", ROW).0, 201);
    let (status, page) = running.request("GET", "/", "");
    assert!(status == 200 && page.contains("<title>ablo</title>"));
    let key = running.key.clone();
    assert_eq!(running.stop(), Some(0));
    // Rows and the key persist, and both are ignored by Git.
    let again =
        ServerProcess::start(&dir, &["dev", "schema.json", "--listen", "127.0.0.1:0"], None);
    assert_eq!(again.key, key);
    let (status, row) = again.request("GET", "/api/v1/models/projects/p1", "");
    assert!(status == 200 && row.contains("Weather"), "{row}");
    assert_eq!(again.stop(), Some(0));
    assert_eq!(std::fs::read_to_string(dir.path(".ablo/.gitignore")).expect("a file"), "*\n");
}

#[test]
fn dev_migrates_to_a_larger_schema() {
    let dir = TestDir::empty();
    mutable(&dir);
    let before = std::fs::read_to_string(dir.path("schema.json")).expect("a schema");
    let args = ["dev", "schema.json", "--listen", "127.0.0.1:0"];
    let running = ServerProcess::start(&dir, &args, None);
    assert_eq!(running.request("POST", "/api/v1/models/projects", ROW).0, 201);
    assert_eq!(running.stop(), Some(0));
    let name = r#""name": { "type": "string", "isOptional": false, "isIndexed": false }"#;
    let grown = before.replacen(
        name,
        &format!(
            r#"{name}, "goal": {{ "type": "string", "isOptional": true, "isIndexed": false }}"#
        ),
        1,
    );
    assert_ne!(grown, before);
    dir.put("schema.json", &grown);
    let running = ServerProcess::start(&dir, &args, None);
    let (status, row) =
        running.request("PATCH", "/api/v1/models/projects/p1", r#"{"data":{"goal":"Rain"}}"#);
    assert_eq!(status, 200, "{row}");
    assert_eq!(running.stop(), Some(0));
    // The earlier schema, for which nothing has changed, is served as it is.
    dir.put("schema.json", &before);
    let running = ServerProcess::start(&dir, &args, None);
    let (status, row) = running.request("GET", "/api/v1/models/projects/p1", "");
    assert!(status == 200 && !row.contains("Rain"), "{row}");
    assert_eq!(running.stop(), Some(0));
    // A migration that loses values needs an approval; nothing is changed.
    dir.put("schema.json", grown.replacen(&format!("{name}, "), "", 1));
    let ran: crate::support::RunOutput = dir.command(&args).output().expect("ablo starts").into();
    assert!(ran.status == 1 && ran.err.contains("ablo::migrate::"), "{} {}", ran.status, ran.err);
    assert!(ran.err.contains("approv"), "{}", ran.err);
}

#[test]
fn serve_accepts_the_key_of_the_environment() {
    let dir = TestDir::empty();
    mutable(&dir);
    let args =
        ["serve", "schema.json", "--database-url", "rows.db", "--live", "--listen", "127.0.0.1:0"];
    let running =
        ServerProcess::start(&dir, &args, Some("sk_live_0123456789abcdef0123456789abcdef"));
    assert_eq!(running.request("POST", "/api/v1/models/projects", ROW).0, 201);
    assert_eq!(running.stop(), Some(0));
    let mut wrong = dir.command(&args);
    wrong.env("ABLO_SECRET_KEY", "sk_test_0123456789abcdef0123456789abcdef");
    let ran: crate::support::RunOutput = wrong.output().expect("ablo starts").into();
    assert!(ran.status == 2 && ran.err.contains("ablo::serve::invalid_key"), "{}", ran.err);
}

#[test]
fn a_killed_coordinator_loses_no_confirmed_commit() {
    let dir = TestDir::empty();
    mutable(&dir);
    let args =
        ["serve", "schema.json", "--database-url", "sqlite:rows.db", "--listen", "127.0.0.1:0"];
    let key = "sk_test_0123456789abcdef0123456789abcdef";
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..3 {
        let mut running = ServerProcess::start(&dir, &args, Some(key));
        for id in &confirmed {
            assert_eq!(
                running.request("GET", &format!("/v1/models/projects/{id}"), "").0,
                200,
                "{id} was confirmed"
            );
        }
        let until = Instant::now() + Duration::from_millis(150 + 110 * round);
        let done = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let running = &running;
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        for at in 0.. {
                            // Two rows in one commit.
                            let ids = [
                                format!("a-{round}-{writer}-{at}"),
                                format!("b-{round}-{writer}-{at}"),
                            ];
                            if try_commit(&running.address, key, &ids).is_none() {
                                // It is unknown whether this one was applied, so it is retried.
                                return (done, Some(ids));
                            }
                            done.extend(ids);
                        }
                        (done, None)
                    })
                })
                .collect();
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            let killed = Command::new("kill")
                .args(["-KILL", &running.child.id().to_string()])
                .status()
                .expect("kill");
            assert!(killed.success());
            writers.into_iter().map(|writer| writer.join().expect("it exits")).collect::<Vec<_>>()
        });
        running.child.wait().expect("it exits");
        let again = ServerProcess::start(&dir, &args, Some(key));
        for (ids, unknown) in done {
            confirmed.extend(ids);
            let Some(ids) = unknown else { continue };
            let applied = ids.iter().filter(|id| {
                again.request("GET", &format!("/v1/models/projects/{id}"), "").0 == 200
            });
            assert!([0, 2].contains(&applied.count()), "half of a commit was applied");
            assert!(
                try_commit(&again.address, key, &ids).is_some(),
                "a retried commit is applied once"
            );
            confirmed.extend(ids);
        }
        assert_eq!(again.stop(), Some(0));
    }
    assert!(confirmed.len() > 20, "only {} rows were written", confirmed.len());
}

#[test]
fn help_offers_standard_input_only_where_it_is_read() {
    let help = |args: &[&str]| TestDir::empty().run(&[args, &["--help"]].concat()).out;
    for server in ["dev", "serve"] {
        let help = help(&[server]);
        assert!(help.contains("[FILE]") && !help.contains("standard input"), "{help}");
    }
    for reader in [&["check"][..], &["generate"], &["schema", "print"], &["source", "serve"]] {
        let help = help(reader);
        assert!(help.contains("`-` for JSON on standard input"), "{help}");
    }
}
