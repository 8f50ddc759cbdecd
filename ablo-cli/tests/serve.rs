//! `ablo dev` and `ablo serve` as they are run.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", unix))]

mod support;

use std::process::Command;
use std::time::{Duration, Instant};
use support::Place;
use support::coordinator::{Running, try_commit};

const ROW: &str = r#"{"id":"p1","data":{"name":"Weather"}}"#;

fn mutable(place: &Place) {
    let schema =
        support::SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1);
    place.put("schema.json", schema);
}

#[test]
fn development_needs_a_schema_and_nothing_else() {
    let place = Place::empty();
    mutable(&place);
    let began = Instant::now();
    let running = Running::start(&place, &["dev", "schema.json", "--listen", "127.0.0.1:0"], None);
    assert!(began.elapsed() < Duration::from_secs(5), "a debug build on a busy machine");
    assert_eq!(running.ask("GET", "/api/health", "").0, 200);
    assert_eq!(running.ask("POST", "/api/v1/models/projects", ROW).0, 201);
    let (status, page) = running.ask("GET", "/", "");
    assert!(status == 200 && page.contains("<title>ablo</title>"));
    let key = running.key.clone();
    assert_eq!(running.stop(), Some(0));
    // Rows and the key are there the next time, and neither is for the repository.
    let again = Running::start(&place, &["dev", "schema.json", "--listen", "127.0.0.1:0"], None);
    assert_eq!(again.key, key);
    let (status, row) = again.ask("GET", "/api/v1/models/projects/p1", "");
    assert!(status == 200 && row.contains("Weather"), "{row}");
    assert_eq!(again.stop(), Some(0));
    assert_eq!(std::fs::read_to_string(place.path(".ablo/.gitignore")).expect("a file"), "*\n");
}

#[test]
fn a_schema_that_grew_is_migrated_when_it_starts() {
    let place = Place::empty();
    mutable(&place);
    let before = std::fs::read_to_string(place.path("schema.json")).expect("a schema");
    let args = ["dev", "schema.json", "--listen", "127.0.0.1:0"];
    let running = Running::start(&place, &args, None);
    assert_eq!(running.ask("POST", "/api/v1/models/projects", ROW).0, 201);
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
    place.put("schema.json", grown);
    let running = Running::start(&place, &args, None);
    let (status, row) =
        running.ask("PATCH", "/api/v1/models/projects/p1", r#"{"data":{"goal":"Rain"}}"#);
    assert_eq!(status, 200, "{row}");
    assert_eq!(running.stop(), Some(0));
    // What would lose values is for somebody to decide; nothing is changed.
    place.put("schema.json", before);
    let ran: support::Ran = place.command(&args).output().expect("it starts").into();
    assert!(ran.status == 1 && ran.err.contains("ablo::migrate::"), "{} {}", ran.status, ran.err);
    assert!(ran.err.contains("approv"), "{}", ran.err);
}

#[test]
fn a_team_brings_its_own_key() {
    let place = Place::empty();
    mutable(&place);
    let args =
        ["serve", "schema.json", "--database-url", "rows.db", "--live", "--listen", "127.0.0.1:0"];
    let running = Running::start(&place, &args, Some("sk_live_0123456789abcdef0123456789abcdef"));
    assert_eq!(running.ask("POST", "/api/v1/models/projects", ROW).0, 201);
    assert_eq!(running.stop(), Some(0));
    let mut wrong = place.command(&args);
    wrong.env("ABLO_SECRET_KEY", "sk_test_0123456789abcdef0123456789abcdef");
    let ran: support::Ran = wrong.output().expect("it starts").into();
    assert!(ran.status == 2 && ran.err.contains("ablo::serve::refused"), "{}", ran.err);
}

#[test]
fn a_killed_coordinator_loses_nothing_that_was_confirmed() {
    let place = Place::empty();
    mutable(&place);
    let args =
        ["serve", "schema.json", "--database-url", "sqlite:rows.db", "--listen", "127.0.0.1:0"];
    let key = "sk_test_0123456789abcdef0123456789abcdef";
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..3 {
        let mut running = Running::start(&place, &args, Some(key));
        for id in &confirmed {
            assert_eq!(
                running.ask("GET", &format!("/v1/models/projects/{id}"), "").0,
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
                            // Two rows, all or nothing.
                            let ids = [
                                format!("a-{round}-{writer}-{at}"),
                                format!("b-{round}-{writer}-{at}"),
                            ];
                            if try_commit(&running.address, key, &ids).is_none() {
                                // Nobody knows whether this one was applied; it comes again.
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
            writers.into_iter().map(|writer| writer.join().expect("it ends")).collect::<Vec<_>>()
        });
        running.child.wait().expect("it ended");
        let again = Running::start(&place, &args, Some(key));
        for (ids, unknown) in done {
            confirmed.extend(ids);
            let Some(ids) = unknown else { continue };
            let there = ids
                .iter()
                .filter(|id| again.ask("GET", &format!("/v1/models/projects/{id}"), "").0 == 200);
            assert!([0, 2].contains(&there.count()), "half of a commit was applied");
            assert!(
                try_commit(&again.address, key, &ids).is_some(),
                "the same commit again is the same commit"
            );
            confirmed.extend(ids);
        }
        assert_eq!(again.stop(), Some(0));
    }
    assert!(confirmed.len() > 20, "only {} rows were written", confirmed.len());
}
