//! Schemas that are declared in Rust: every command takes them, and says where in which file.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use support::Place;

const ROOT: &str = r#"//! The root.

mod notes;

#[derive(AbloModel)]
#[ablo(key = "tasks", mutable, has_many(notes = Note, foreign_key = task_id))]
pub struct Task {
    pub title: String,
}
"#;

const NOTES: &str = r#"//! A module.

#[derive(AbloModel)]
#[ablo(key = "notes")]
pub struct Note {
    #[ablo(belongs_to = Task, parent)]
    pub task_id: Option<Id<Task>>,
}
"#;

fn place() -> Place {
    let place = Place::empty();
    fs::create_dir_all(place.path("src/schema")).expect("made");
    place.put("src/schema.rs", ROOT);
    place.put("src/schema/notes.rs", NOTES);
    place
}

#[test]
fn every_command_reads_rust() {
    let place = place();
    let ran = place.run(&["check", "src/schema.rs", "--deny-warnings"]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "src/schema.rs is valid: 2 models\n"),
        "{}",
        ran.err
    );

    let printed = place.run(&["schema", "print", "src/schema.rs"]);
    assert_eq!(printed.status, 0, "{}", printed.err);
    place.put("schema.json", &printed.out);
    let hashes = |file: &str| place.run(&["schema", "hash", file]).out;
    assert_eq!(hashes("src/schema.rs"), hashes("schema.json"));

    let ran = place.run(&["generate", "src/schema.rs", "--out", "a"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let ran = place.run(&["generate", "schema.json", "--out", "a", "--check"]);
    assert_eq!(ran.status, 0, "the JSON gives the same files: {}{}", ran.out, ran.err);
}

#[test]
fn a_finding_is_shown_in_its_own_file() {
    let place = place();
    place.put(
        "src/schema/notes.rs",
        NOTES
            .replace("parent", "parnt")
            .replace("key = \"notes\"", "key = \"tasks\", table = \"notes\""),
    );
    let ran = place.run(&["check", "src/schema.rs", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let all: Value = serde_json::from_str(&ran.out).expect("one JSON value");
    let repeated = &all["diagnostics"][0];
    assert_eq!(repeated["code"], "ablo::rust::repeated_name");
    assert_eq!((&repeated["file"], &repeated["line"]), (&"src/schema.rs".into(), &6.into()));
    let also = &repeated["also"][0];
    assert_eq!(
        (&also["file"], &also["line"]),
        (&"src/schema/notes.rs".into(), &4.into()),
        "its module came first"
    );
    assert!(repeated["pointer"].is_null(), "Rust has no pointers");
    let unknown = &all["diagnostics"][1];
    assert_eq!(
        (&unknown["code"], &unknown["column"]),
        (&"ablo::rust::unknown_attribute".into(), &31.into())
    );

    let ran = place.run(&["check", "src/schema.rs"]);
    insta::assert_snapshot!(ran.err);
    let ran = place.run(&["check", "src/schema.rs", "--format", "github"]);
    assert!(ran.out.contains("::error file=src/schema/notes.rs,line=6,col=31"), "{}", ran.out);
}

#[test]
fn a_module_that_is_not_there_is_an_error_at_its_name() {
    let place = place();
    fs::remove_file(place.path("src/schema/notes.rs")).expect("removed");
    let ran = place.run(&["check", "src/schema.rs"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("ablo::rust::module_not_found") && ran.err.contains("src/schema.rs:3:5"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("src/schema/notes.rs"), "it says where it looked: {}", ran.err);
}

#[test]
fn bytes_that_are_no_text_are_an_error_in_their_place() {
    let place = Place::empty();
    place.put("schema.rs", b"// ok\n\xff");
    let ran = place.run(&["check", "schema.rs", "--format", "github"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("line=2,col=1"), "{}", ran.out);
}

struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

#[test]
fn watching_sees_a_save_of_a_module() {
    let place = place();
    let mut command =
        place.command(&["generate", "src/schema.rs", "-t", "postgres", "-o", "out", "--watch"]);
    let _watching =
        Watching(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    let sql = || fs::read_to_string(place.path("out/postgres/provision.sql")).unwrap_or_default();
    let until = |what: &str, word: &str| {
        let started = Instant::now();
        while !sql().contains(word) {
            assert!(started.elapsed() < Duration::from_secs(20), "{what} did not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until("the first run", "\"notes\"");
    std::thread::sleep(Duration::from_millis(300));
    place.put("src/schema/notes.rs", NOTES.replace("key = \"notes\"", "key = \"memos\""));
    until("the save of a module", "\"memos\"");
}
