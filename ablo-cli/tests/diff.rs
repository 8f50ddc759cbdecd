//! `ablo diff`: what makes one schema of another, what that loses, whom it breaks, and how a run ends.
//!
//! `fixtures/diffs/<idea>` has `prev.json` and `next.json`, and perhaps `hints.json` and `backfills.json`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Place, SCHEMA};

fn ideas() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/diffs");
    let mut all: Vec<PathBuf> =
        fs::read_dir(root).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    all.sort();
    assert!(all.len() >= 30, "only {} ideas", all.len());
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
fn every_idea_is_reported_to_people_and_to_programs() {
    let mut kinds = BTreeSet::new();
    for folder in ideas() {
        let place = Place::empty();
        let arguments = arguments(&folder);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let human = place.run(&arguments);
        let json = place.run(&[&arguments[..], &["--format", "json"]].concat());
        let sql = place.run(&[&arguments[..], &["--format", "sql", "--foreign-keys"]].concat());
        assert_eq!(human.status, sql.status, "{}", folder.display());
        assert_eq!(human.status, json.status, "{}", folder.display());
        let report: Value = serde_json::from_str(&json.out).expect("a JSON object");
        let steps = report["steps"].as_array().expect("steps");
        kinds.extend(steps.iter().filter_map(|step| step["kind"].as_str().map(str::to_owned)));
        let shown = serde_json::to_string_pretty(&report).expect("JSON");
        insta::with_settings!({
            snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!("human", format!("exit {}\n{}{}", human.status, human.out, human.err));
            insta::assert_snapshot!("json", shown);
            insta::assert_snapshot!("sql", sql.out);
        });
    }
    assert_eq!(kinds.len(), 20, "every kind of step is seen: {kinds:?}");
}

#[test]
fn a_run_ends_with_0_1_or_2() {
    let place = Place::with_schema();
    assert_eq!(place.run(&["diff", "schema.json", "schema.json"]).status, 0);
    assert_eq!(place.run(&["diff", "--initial", "schema.json"]).status, 0);
    place.put("empty.json", r#"{"v":3,"models":{},"identityRoles":[]}"#);
    assert_eq!(place.run(&["diff", "schema.json", "empty.json"]).status, 1);
    let dropped =
        place.run_with_input(&["diff", "-", "empty.json", "--format", "json"], SCHEMA.as_bytes());
    assert_eq!(dropped.status, 1, "{}", dropped.err);
    assert_eq!(place.run(&["diff", "schema.json", "nowhere.json"]).status, 2);
    assert_eq!(place.run(&["diff", "schema.json"]).status, 2);
    let twice = place.run(&["diff", "-", "-"]);
    assert_eq!(twice.status, 2);
    assert!(twice.err.contains("ablo::source::stdin_twice"), "{}", twice.err);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let place = Place::with_schema();
    place.put("bad.json", r#"{"v":4,"models":{},"identityRoles":[]}"#);
    place.put("hints.json", r#"{"model":[]}"#);
    place.put("backfills.json", r#"[{"model":"nobody","field":"x","value":1}]"#);
    let flags = ["--hints", "hints.json", "--backfills", "backfills.json"];
    let ran = place.run(&[&["diff", "bad.json", "schema.json"][..], &flags].concat());
    assert_eq!(ran.status, 2);
    for code in [
        "ablo::schema::unsupported_version",
        "ablo::rename::unknown_member",
        "ablo::backfill::unknown_model",
    ] {
        assert!(ran.err.contains(code), "{code}: {}", ran.err);
    }
    place.put("hints.json", r#"{"models":[{"from":"projects","to":"nobody"}]}"#);
    let ran = place.run(&[
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
fn the_hint_that_a_decision_names_settles_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/diffs/same-table-under-another-key");
    let place = Place::empty();
    let mut arguments = arguments(&folder);
    arguments.extend(["--format".to_owned(), "json".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report: Value = serde_json::from_str(&place.run(&arguments).out).expect("JSON");
    for way in ["renamed", "dropped"] {
        place.put("hints.json", report["possibleRenames"][0][way].to_string());
        let ran = place.run(&[&arguments[..], &["--hints", "hints.json"]].concat());
        let settled: Value = serde_json::from_str(&ran.out).expect("JSON");
        let models = settled["possibleRenames"].as_array().expect("a list");
        assert!(models.iter().all(|one| one.get("model").is_some()), "{way}: {models:?}");
    }
}
