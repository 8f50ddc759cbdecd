//! Schemas declared in Rust: every command accepts them, and errors have the file and location.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::TestDir;
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

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

fn dir() -> TestDir {
    let dir = TestDir::empty();
    fs::create_dir_all(dir.path("src/schema")).expect("made");
    dir.put("src/schema.rs", ROOT);
    dir.put("src/schema/notes.rs", NOTES);
    dir
}

#[test]
fn every_command_reads_rust() {
    let dir = dir();
    let ran = dir.run(&["check", "src/schema.rs", "--deny-warnings"]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "src/schema.rs is valid: 2 models\n"),
        "{}",
        ran.err
    );

    let printed = dir.run(&["schema", "print", "src/schema.rs"]);
    assert_eq!(printed.status, 0, "{}", printed.err);
    dir.put("schema.json", &printed.out);
    let hashes = |file: &str| dir.run(&["schema", "hash", file]).out;
    assert_eq!(hashes("src/schema.rs"), hashes("schema.json"));

    let ran = dir.run(&["generate", "src/schema.rs", "--out", "a"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let ran = dir.run(&["generate", "schema.json", "--out", "a", "--check"]);
    assert_eq!(ran.status, 0, "the JSON generates the same files: {}{}", ran.out, ran.err);
}

#[test]
fn a_finding_is_shown_in_its_own_file() {
    let dir = dir();
    dir.put(
        "src/schema/notes.rs",
        NOTES
            .replace("parent", "parnt")
            .replace("key = \"notes\"", "key = \"tasks\", table = \"notes\""),
    );
    let ran = dir.run(&["check", "src/schema.rs", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let all: Value = serde_json::from_str(&ran.out).expect("one JSON value");
    let repeated = &all["diagnostics"][0];
    assert_eq!(repeated["code"], "ablo::rust::repeated_name");
    assert_eq!((&repeated["file"], &repeated["line"]), (&"src/schema.rs".into(), &6.into()));
    let also = &repeated["also"][0];
    assert_eq!(
        (&also["file"], &also["line"]),
        (&"src/schema/notes.rs".into(), &4.into()),
        "the module is read first"
    );
    assert!(repeated["pointer"].is_null(), "Rust has no pointers");
    let unknown = &all["diagnostics"][1];
    assert_eq!(
        (&unknown["code"], &unknown["column"]),
        (&"ablo::rust::unknown_attribute".into(), &31.into())
    );

    let ran = dir.run(&["check", "src/schema.rs"]);
    insta::assert_snapshot!(ran.err);
    let ran = dir.run(&["check", "src/schema.rs", "--format", "github"]);
    assert!(ran.out.contains("::error file=src/schema/notes.rs,line=6,col=31"), "{}", ran.out);
}

#[test]
fn a_missing_module_is_an_error_at_its_name() {
    let dir = dir();
    fs::remove_file(dir.path("src/schema/notes.rs")).expect("removed");
    let ran = dir.run(&["check", "src/schema.rs"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("ablo::rust::module_not_found") && ran.err.contains("src/schema.rs:3:5"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("src/schema/notes.rs"), "the missing path is named: {}", ran.err);
}

#[test]
fn invalid_utf8_in_rust_has_a_location() {
    let dir = TestDir::empty();
    dir.put("schema.rs", b"// ok\n\xff");
    let ran = dir.run(&["check", "schema.rs", "--format", "github"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("line=2,col=1"), "{}", ran.out);
}

#[test]
fn fixes_are_applied_in_every_file() {
    let dir = dir();
    dir.put("src/schema.rs", ROOT.replace("mutable", "mutabel").replace("String", "Strng"));
    let notes = NOTES.replace("belongs_to = Task, parent", "belongs_to = Tsk, parnt");
    dir.put("src/schema/notes.rs", &notes);
    let ran = dir.run(&["check", "src/schema.rs", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let all: Value = serde_json::from_str(&ran.out).expect("one JSON value");
    let edit = &all["diagnostics"][0]["fix"]["edits"][0];
    assert_eq!(edit["replacement"], "mutable", "{all}");
    assert_eq!(all["diagnostics"][0]["fix"]["applicability"], "machine-applicable");

    let ran = dir.run(&["fix", "src/schema.rs"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "src/schema.rs: applied 4 fixes\n");
    assert_eq!(
        (dir.get("src/schema.rs"), dir.get("src/schema/notes.rs")),
        (ROOT.into(), NOTES.into())
    );
}

struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.kill().expect("a running process");
        self.0.wait().expect("it exits");
    }
}

#[test]
fn watching_sees_a_save_of_a_module() {
    let dir = dir();
    let mut command =
        dir.command(&["generate", "src/schema.rs", "-t", "postgres", "-o", "out", "--watch"]);
    let _watching =
        Watching(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ablo starts"));
    let sql = || fs::read_to_string(dir.path("out/postgres/provision.sql")).unwrap_or_default();
    let until = |what: &str, word: &str| {
        let started = Instant::now();
        while !sql().contains(word) {
            assert!(started.elapsed() < Duration::from_secs(20), "timeout: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until("the first run", "\"notes\"");
    dir.put("src/schema/notes.rs", NOTES.replace("key = \"notes\"", "key = \"memos\""));
    until("the save of a module", "\"memos\"");
}

#[test]
fn features_and_cfg_decide_what_is_read() {
    let dir = TestDir::empty();
    dir.put(
        "schema.rs",
        "#[derive(AbloModel)]\npub struct Task {\n    pub title: String,\n    \
         #[cfg(all(feature = \"extra\", unix))]\n    pub extra: String,\n}\n",
    );
    let unknown = dir.run(&["check", "schema.rs"]);
    assert_eq!(unknown.status, 1, "{}", unknown.out);
    assert!(unknown.err.contains("ablo::rust::unknown_cfg"), "{}", unknown.err);
    assert!(unknown.err.contains("schema.rs:4:7"), "{}", unknown.err);
    let has_extra = |flags: &[&str]| {
        let ran = dir.run(&[&["schema", "print", "schema.rs"], flags].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out.contains("extra")
    };
    assert!(has_extra(&["--features", "other,extra", "--cfg", "unix"]));
    assert!(!has_extra(&["--features", ""]));
    assert!(!has_extra(&["--cfg", "not(unix)"]));
    let invalid = dir.run(&["check", "schema.rs", "--cfg", "all(unix)"]);
    assert_eq!(invalid.status, 2, "{}", invalid.err);
}
