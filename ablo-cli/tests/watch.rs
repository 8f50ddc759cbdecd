//! `ablo generate --watch`: again on every save, whatever a save is, and through errors.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use support::{Place, SCHEMA};

/// A watching command, ended with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

fn watch(place: &Place, args: &[&str]) -> Watching {
    let mut command = place.command(args);
    Watching(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
}

/// Waits until it holds; saving again now and then would hide a lost event, so it is only looked at.
fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn sql(place: &Place, folder: &str) -> String {
    fs::read_to_string(place.path(folder).join("postgres/provision.sql")).unwrap_or_default()
}

#[test]
fn every_kind_of_save_is_seen_and_errors_are_lived_through() {
    let place = Place::with_schema();
    let _watching = watch(
        &place,
        &["generate", "schema.json", "--target", "postgres", "--out", "out", "--watch"],
    );
    until("the first run", || sql(&place, "out").contains("notes"));

    place.put("schema.json", SCHEMA.replace("\"notes\"", "\"memos\""));
    until("a save in place", || sql(&place, "out").contains("memos"));

    place.put("schema.json.new", SCHEMA.replace("\"notes\"", "\"papers\""));
    fs::rename(place.path("schema.json.new"), place.path("schema.json")).expect("renamed");
    until("a save by renaming", || sql(&place, "out").contains("papers"));

    let before = sql(&place, "out");
    place.put("schema.json", "{ \"v\": 3,");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(sql(&place, "out"), before);
    fs::remove_file(place.path("schema.json")).expect("removed");
    std::thread::sleep(Duration::from_millis(400));
    place.put("schema.json", SCHEMA);
    until("a save after an error", || sql(&place, "out").contains("notes"));
}

#[test]
fn ablo_toml_is_watched_too() {
    let place = Place::with_schema();
    place.put("other/schema.json", SCHEMA.replace("\"notes\"", "\"memos\""));
    let config = |schema: &str| format!("schema = \"{schema}\"\ntargets = [\"postgres\"]\n");
    place.put("ablo.toml", config("schema.json"));
    let _watching = watch(&place, &["generate", "--watch"]);
    until("the first run", || sql(&place, "generated").contains("notes"));

    place.put("ablo.toml", config("other/schema.json"));
    until("the other schema", || sql(&place, "generated").contains("memos"));
    place.put("other/schema.json", SCHEMA.replace("\"notes\"", "\"papers\""));
    until("a save of the other schema", || sql(&place, "generated").contains("papers"));
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let place = Place::with_schema();
    let ran = place.run(&["generate", "-", "--watch"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("ablo::watch::refused"), "{}", ran.err);
    assert_eq!(place.run(&["generate", "schema.json", "--watch", "--check"]).status, 2);
    assert_eq!(Place::empty().run(&["generate", "--watch"]).status, 2);
    assert_eq!(place.run(&["generate", "absent/schema.json", "--watch"]).status, 2);
}
