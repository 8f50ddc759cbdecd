//! `ablo fix` and `ablo fmt`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use ablo_schema::front::json;
use ablo_tests::fixtures;
use serde_json::Value;

/// The small schema with a fault of each kind.
fn faulty() -> String {
    SCHEMA
        .replacen("\"isOptional\"", "\"isOptionl\"", 1)
        .replacen("\"belongsTo\"", "\"belongs_to\"", 1)
        .replacen("\"v\": 3,", "\"v\": 3", 1)
        .replacen("\"mutable\": true", "\"mutable\": true,", 1)
}

#[test]
fn fixes_restore_the_schema_and_are_listed() {
    let dir = TestDir::empty();
    dir.put("schema.json", faulty());
    let check = dir.run(&["check", "schema.json"]);
    assert_eq!(check.status, 1);
    assert!(check.out.contains("`ablo fix` applies 4 fixes to schema.json"), "{}", check.out);
    let fix = dir.run(&["fix", "schema.json"]);
    assert_eq!(
        (fix.status, fix.out.as_str()),
        (0, "schema.json: applied 4 fixes\n"),
        "{}",
        fix.err
    );
    assert_eq!(dir.get("schema.json"), SCHEMA);
    assert_eq!(dir.names(), ["schema.json"]);
    let again = dir.run(&["fix", "schema.json"]);
    assert!(again.out.contains("nothing to fix"), "{}", again.out);
}

#[test]
fn the_edits_of_the_json_output_restore_the_schema() {
    let dir = TestDir::empty();
    dir.put("schema.json", faulty());
    let ran = dir.run(&["check", "schema.json", "--format", "json"]);
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    let mut edits = Vec::new();
    for diagnostic in document["diagnostics"].as_array().expect("a list") {
        assert!(diagnostic["endLine"].is_u64() && diagnostic["endColumn"].is_u64());
        assert_eq!(diagnostic["fix"]["applicability"], "machine-applicable", "{diagnostic}");
        edits.extend(diagnostic["fix"]["edits"].as_array().expect("a list").iter().cloned());
    }
    let mut text = faulty();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit["bytes"][0].as_u64()));
    for edit in edits {
        let at = |end: usize| {
            usize::try_from(edit["bytes"][end].as_u64().expect("a number")).expect("an offset")
        };
        text.replace_range(at(0)..at(1), edit["replacement"].as_str().expect("a text"));
    }
    assert_eq!(text, SCHEMA);
}

#[test]
fn a_decision_is_left_to_the_author() {
    let dir = TestDir::empty();
    let text = SCHEMA.replacen("\"isOptional\": false, ", "", 1);
    dir.put("schema.json", &text);
    let ran = dir.run(&["fix", "schema.json"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("ablo::json::missing_member"), "{}", ran.err);
    assert_eq!(dir.get("schema.json"), text);
}

#[cfg(unix)]
#[test]
fn a_fix_keeps_links_and_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TestDir::empty();
    dir.put("real/schema.json", faulty());
    let real = dir.path("real/schema.json");
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).expect("permissions");
    std::os::unix::fs::symlink(&real, dir.path("schema.json")).expect("a link");
    assert_eq!(dir.run(&["fix", "schema.json"]).status, 0);
    assert!(dir.path("schema.json").is_symlink());
    assert_eq!(dir.get("real/schema.json"), SCHEMA);
    assert_eq!(real.metadata().expect("metadata").permissions().mode() & 0o777, 0o640);
}

#[test]
fn standard_input_is_fixed_and_formatted_to_standard_output() {
    let dir = TestDir::empty();
    let fixed = dir.run_with_input(&["fix", "-"], faulty().as_bytes());
    assert_eq!((fixed.status, fixed.out.as_str()), (0, SCHEMA), "{}", fixed.err);
    let formatted = dir.run_with_input(&["fmt", "-"], SCHEMA.as_bytes());
    assert_eq!(formatted.status, 0);
    assert_eq!(Some(formatted.out), json::format(SCHEMA));
}

#[test]
fn formatting_is_checked_and_idempotent() {
    let dir = TestDir::empty();
    dir.put("schema.json", r#"{"v":3,"models":{},"identityRoles":[],"x-a":[1.0,"\u00e9"]}"#);
    assert_eq!(dir.run(&["fmt", "schema.json", "--check"]).status, 1);
    assert_eq!(dir.run(&["fmt", "schema.json"]).status, 0);
    let wanted = "{\n  \"v\": 3,\n  \"models\": {},\n  \"identityRoles\": [],\n  \
                  \"x-a\": [1.0, \"\\u00e9\"]\n}\n";
    assert_eq!(dir.get("schema.json"), wanted);
    assert_eq!(dir.run(&["fmt", "schema.json", "--check"]).status, 0);
    dir.put("schema.json", "{'v': 3}");
    let broken = dir.run(&["fmt", "schema.json"]);
    assert_eq!((broken.status, dir.get("schema.json").as_str()), (1, "{'v': 3}"));
}

#[test]
fn formatting_keeps_every_document() {
    let mut count = 0;
    for path in fixtures::find("", "schema.json") {
        let text = std::fs::read(&path).expect("a file");
        let Ok(text) = String::from_utf8(text) else { continue };
        let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
        let Some(formatted) = json::format(&text) else { continue };
        let again: Value = serde_json::from_str(&formatted).expect("JSON");
        assert_eq!(document, again, "{}", path.display());
        assert_eq!(json::format(&formatted).as_deref(), Some(formatted.as_str()));
        let compact = |text: &str| -> String {
            let scalars = |letter: &char| !letter.is_ascii_whitespace();
            text.chars().filter(scalars).collect()
        };
        assert_eq!(compact(&text).trim_start_matches('\u{feff}'), compact(&formatted));
        count += 1;
    }
    assert!(count > 100, "{count}");
}
