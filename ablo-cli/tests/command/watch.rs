//! `ablo generate --watch`: runs again on every kind of save, even after errors.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A watching command that is killed at the end of the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.kill().expect("a running process");
        self.0.wait().expect("it exits");
    }
}

fn watch(dir: &TestDir, args: &[&str]) -> Watching {
    let mut command = dir.command(args);
    let log = fs::File::create(dir.path("watch.log")).expect("a file");
    Watching(command.stdout(Stdio::null()).stderr(log).spawn().expect("ablo starts"))
}

/// Returns the number of runs so far.
fn runs(dir: &TestDir) -> usize {
    let log = fs::read_to_string(dir.path("watch.log")).expect("a file");
    log.matches("watching for changes").count()
}

/// Waits until a condition holds. Does not save again, which would hide a lost event.
fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "timeout: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn sql(dir: &TestDir, folder: &str) -> String {
    fs::read_to_string(dir.path(folder).join("postgres/provision.sql")).unwrap_or_default()
}

#[test]
fn every_kind_of_save_is_seen_even_after_errors() {
    let dir = TestDir::with_schema();
    let _watching = watch(
        &dir,
        &["generate", "schema.json", "--target", "postgres", "--out", "out", "--watch"],
    );
    until("the first run", || sql(&dir, "out").contains("notes"));

    dir.put("schema.json", SCHEMA.replace("\"notes\"", "\"memos\""));
    until("a save in place", || sql(&dir, "out").contains("memos"));

    dir.put("schema.json.new", SCHEMA.replace("\"notes\"", "\"papers\""));
    fs::rename(dir.path("schema.json.new"), dir.path("schema.json")).expect("renamed");
    until("a save by renaming", || sql(&dir, "out").contains("papers"));

    let (before, run) = (sql(&dir, "out"), runs(&dir));
    dir.put("schema.json", "{ \"v\": 3,");
    until("a save with an error", || runs(&dir) > run);
    assert_eq!(sql(&dir, "out"), before);
    let run = runs(&dir);
    fs::remove_file(dir.path("schema.json")).expect("removed");
    until("a removed file", || runs(&dir) > run);
    dir.put("schema.json", SCHEMA);
    until("a save after an error", || sql(&dir, "out").contains("notes"));
}

#[test]
fn ablo_toml_is_watched_too() {
    let dir = TestDir::with_schema();
    dir.put("other/schema.json", SCHEMA.replace("\"notes\"", "\"memos\""));
    let config = |schema: &str| format!("schema = \"{schema}\"\ntargets = [\"postgres\"]\n");
    dir.put("ablo.toml", config("schema.json"));
    let _watching = watch(&dir, &["generate", "--watch"]);
    until("the first run", || sql(&dir, "generated").contains("notes"));

    dir.put("ablo.toml", config("other/schema.json"));
    until("the other schema", || sql(&dir, "generated").contains("memos"));
    dir.put("other/schema.json", SCHEMA.replace("\"notes\"", "\"papers\""));
    until("a save of the other schema", || sql(&dir, "generated").contains("papers"));
}

#[test]
fn imports_of_a_program_are_watched_too() {
    let dir = TestDir::with_schema();
    dir.put("models.mjs", format!("export default {SCHEMA};"));
    dir.put("schema.mjs", "import models from './models.mjs';\nexport default models;\n");
    let command = ["generate", "schema.mjs", "--target", "postgres", "--out", "out", "--watch"];
    let _watching = watch(&dir, &command);
    until("the first run", || sql(&dir, "out").contains("notes"));

    let run = runs(&dir);
    dir.put("models.mjs", "export default {");
    until("an import with an error", || runs(&dir) > run);
    let run = runs(&dir);
    fs::remove_file(dir.path("models.mjs")).expect("removed");
    until("a removed import", || runs(&dir) > run);
    dir.put("models.mjs", format!("export default {};", SCHEMA.replace("\"notes\"", "\"memos\"")));
    until("a repaired import", || sql(&dir, "out").contains("memos"));
}

#[test]
fn watch_rejects_what_it_cannot_watch() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&["generate", "-", "--watch"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("ablo::watch::stdin"), "{}", ran.err);
    assert_eq!(dir.run(&["generate", "schema.json", "--watch", "--check"]).status, 2);
    assert_eq!(TestDir::empty().run(&["generate", "--watch"]).status, 2);
    assert_eq!(dir.run(&["generate", "absent/schema.json", "--watch"]).status, 2);
}
