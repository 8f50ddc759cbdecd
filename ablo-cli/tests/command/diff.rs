//! `ablo diff`: steps, losses, breaking changes and exit statuses.
//!
//! `fixtures/diffs/<name>` has `prev.json` and `next.json`, and optionally `hints.json` and
//! `backfills.json`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/diffs");
    let mut all: Vec<PathBuf> =
        fs::read_dir(root).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    all.sort();
    assert!(all.len() >= 30, "only {} fixtures", all.len());
    all
}

fn arguments(folder: &Path) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let has = |name: &str| folder.join(name).exists();
    let mut all = vec!["diff".to_owned()];
    if has("prev.json") {
        all.extend([path("prev.json"), path("next.json")]);
    } else {
        all.extend(["--initial".to_owned(), path("next.json")]);
    }
    for (flag, name) in [("--hints", "hints.json"), ("--backfills", "backfills.json")] {
        if has(name) {
            all.extend([flag.to_owned(), path(name)]);
        }
    }
    all
}

#[test]
fn a_misspelt_rename_is_an_error_and_an_earlier_one_is_past() {
    let schema = |field: &str, further: &str| {
        format!(
            r#"{{"v": 3, "models": {{"users": {{"fields": {{"{field}": {{"type": "string",
            "isOptional": false, "isIndexed": false{further}}}}}, "relations": {{}}}}}},
            "identityRoles": []}}"#
        )
    };
    let dir = TestDir::empty();
    dir.put("before.json", schema("mail", ""));
    dir.put("typo.json", schema("email", r#", "renamedfrom": "mail""#));
    dir.put("right.json", schema("email", r#", "renamedFrom": "mail""#));
    let typo = dir.run(&["diff", "before.json", "typo.json"]);
    assert_eq!((typo.status, typo.out.as_str()), (2, ""));
    assert!(typo.err.contains("did you mean `renamedFrom`?"), "{}", typo.err);
    let allowed = dir.run(&["diff", "before.json", "typo.json", "--allow-unknown"]);
    assert_ne!(allowed.status, 2, "{}", allowed.err);
    let right = dir.run(&["diff", "before.json", "right.json"]);
    assert_eq!(right.status, 0, "{}{}", right.out, right.err);
    let past = dir.run(&["diff", "typo.json", "right.json"]);
    assert_ne!(past.status, 2, "{}", past.err);
}

#[test]
fn every_fixture_is_reported_in_every_format() {
    let mut kinds = BTreeSet::new();
    for folder in fixtures() {
        let dir = TestDir::empty();
        let arguments = arguments(&folder);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let human = dir.run(&arguments);
        let json = dir.run(&[&arguments[..], &["--format", "json"]].concat());
        let sql = dir.run(&[&arguments[..], &["--format", "sql"]].concat());
        assert_eq!(human.status, sql.status, "{}", folder.display());
        assert_eq!(human.status, json.status, "{}", folder.display());
        let report: Value = serde_json::from_str(&json.out).expect("a JSON object");
        let steps = report["steps"].as_array().expect("steps");
        kinds.extend(steps.iter().filter_map(|step| step["kind"].as_str().map(str::to_owned)));
        let shown = serde_json::to_string_pretty(&report).expect("JSON");
        insta::with_settings!({
            snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true
        }, {
            let text = format!("exit {}\n{}{}", human.status, human.out, human.err);
            insta::assert_snapshot!("human", text);
            insta::assert_snapshot!("json", shown);
            insta::assert_snapshot!("sql", sql.out);
        });
    }
    assert_eq!(kinds.len(), 20, "the fixtures cover every kind of step: {kinds:?}");
}

#[test]
fn exit_statuses() {
    let dir = TestDir::with_schema();
    assert_eq!(dir.run(&["diff", "schema.json", "schema.json"]).status, 0);
    assert_eq!(dir.run(&["diff", "--initial", "schema.json"]).status, 0);
    dir.put("empty.json", r#"{"v":3,"models":{},"identityRoles":[]}"#);
    assert_eq!(dir.run(&["diff", "schema.json", "empty.json"]).status, 1);
    let dropped =
        dir.run_with_input(&["diff", "-", "empty.json", "--format", "json"], SCHEMA.as_bytes());
    assert_eq!(dropped.status, 1, "{}", dropped.err);
    assert_eq!(dir.run(&["diff", "schema.json", "nowhere.json"]).status, 2);
    assert_eq!(dir.run(&["diff", "schema.json"]).status, 2);
    let twice = dir.run(&["diff", "-", "-"]);
    assert_eq!(twice.status, 2);
    assert!(twice.err.contains("ablo::source::stdin_twice"), "{}", twice.err);
}

#[test]
fn all_errors_are_reported_at_once() {
    let dir = TestDir::with_schema();
    dir.put("bad.json", r#"{"v":4,"models":{},"identityRoles":[]}"#);
    dir.put("hints.json", r#"{"model":[]}"#);
    dir.put("backfills.json", r#"[{"model":"missing","field":"x","value":1}]"#);
    let flags = ["--hints", "hints.json", "--backfills", "backfills.json"];
    let ran = dir.run(&[&["diff", "bad.json", "schema.json"][..], &flags].concat());
    assert_eq!(ran.status, 2);
    for code in [
        "ablo::schema::unsupported_version",
        "ablo::rename::unknown_member",
        "ablo::backfill::unknown_model",
    ] {
        assert!(ran.err.contains(code), "{code}: {}", ran.err);
    }
    dir.put("hints.json", r#"{"models":[{"from":"projects","to":"missing"}]}"#);
    let ran = dir.run(&[
        "diff",
        "schema.json",
        "schema.json",
        "--hints",
        "hints.json",
        "--format",
        "json",
    ]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.out.contains("ablo::rename::unknown_model") && ran.out.contains("/models/0/to"),
        "{}",
        ran.out
    );
}

#[test]
fn the_printed_hint_settles_a_decision() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/diffs/same-table-under-another-key");
    let dir = TestDir::empty();
    let mut arguments = arguments(&folder);
    arguments.extend(["--format".to_owned(), "json".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report: Value = serde_json::from_str(&dir.run(&arguments).out).expect("JSON");
    for answer in ["renamed", "dropped"] {
        dir.put("hints.json", report["possibleRenames"][0][answer].to_string());
        let ran = dir.run(&[&arguments[..], &["--hints", "hints.json"]].concat());
        let settled: Value = serde_json::from_str(&ran.out).expect("JSON");
        let models = settled["possibleRenames"].as_array().expect("a list");
        assert!(models.iter().all(|one| one.get("model").is_some()), "{answer}: {models:?}");
    }
}
