//! `ablo check`: formats, exit statuses and invalid inputs.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use serde_json::Value;
use std::time::{Duration, Instant};

const FAULTY: &str = r#"{
  "v": 3,
  "models": {
    "tasks": {
      "fields": { "ok": { "type": "strin", "isOptional": false, "isIndexed": false } },
      "relations": {},
      "wat": 1
    },
    "tasks": { "fields": {}, "relations": {} }
  },
  "identityRoles": []
}
"#;

/// A schema with a warning: the table has a reserved name.
fn warned() -> String {
    SCHEMA.replacen(r#""relations": {}"#, r#""relations": {}, "tableName": "ablo_x""#, 1)
}

/// A schema with an unknown member.
fn unknown() -> String {
    SCHEMA.replacen(r#""relations": {}"#, r#""relations": {}, "wat": 1"#, 1)
}

fn diagnostics(json: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(json).expect("one JSON value");
    document["diagnostics"].as_array().expect("a list").clone()
}

fn codes(json: &str) -> Vec<String> {
    diagnostics(json).iter().map(|it| it["code"].as_str().expect("a code").to_owned()).collect()
}

/// Returns the exit status and the only diagnostic of `check --format json` for these bytes.
fn only(bytes: &[u8]) -> (i32, Value) {
    let dir = TestDir::empty();
    dir.put("schema.json", bytes);
    let ran = dir.run(&["check", "schema.json", "--format", "json"]);
    let [it] = &diagnostics(&ran.out)[..] else { panic!("one diagnostic: {}", ran.out) };
    (ran.status, it.clone())
}

#[test]
fn a_valid_schema_exits_with_0() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&["check", "schema.json"]);
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "schema.json is valid: 3 models\n", "")
    );
    let ran = dir.run(&["check", "schema.json", "--format", "json"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "{\"diagnostics\":[]}\n"));
    let ran = dir.run(&["check", "schema.json", "--format", "github"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
}

#[test]
fn errors_exit_with_1_in_every_format() {
    let dir = TestDir::empty();
    dir.put("schema.json", FAULTY);
    let human = dir.run(&["check", "schema.json"]);
    let fixes = "`ablo fix` applies 1 fix to schema.json\n";
    assert_eq!((human.status, human.out.as_str()), (1, fixes));
    insta::assert_snapshot!("human", human.err);
    let json = dir.run(&["check", "schema.json", "--format", "json"]);
    assert_eq!((json.status, json.err.as_str()), (1, ""));
    let document: Value = serde_json::from_str(&json.out).expect("JSON");
    insta::assert_json_snapshot!("json", document);
    let github = dir.run(&["check", "schema.json", "--format", "github"]);
    assert_eq!((github.status, github.err.as_str()), (1, ""));
    insta::assert_snapshot!("github", github.out);
}

#[test]
fn warnings_fail_only_with_deny_warnings() {
    let dir = TestDir::empty();
    dir.put("schema.json", warned());
    let ran = dir.run(&["check", "schema.json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("1 warning"), "{}", ran.err);
    assert_eq!(dir.run(&["check", "schema.json", "--deny-warnings"]).status, 1);
    let dir = TestDir::with_schema();
    assert_eq!(dir.run(&["check", "schema.json", "--deny-warnings"]).status, 0);
}

#[test]
fn an_unknown_member_fails_unless_it_is_allowed() {
    let dir = TestDir::empty();
    dir.put("schema.json", unknown());
    for command in [&["check"][..], &["schema", "print"], &["generate", "--out", "out"]] {
        let run = |further: &[&str]| dir.run(&[command, &["schema.json"], further].concat());
        let refused = run(&[]);
        assert_eq!(refused.status, 1, "{command:?}");
        assert!(refused.err.contains("ablo::json::unknown_member"), "{}", refused.err);
        assert!(!dir.path("out").exists());
        let allowed = run(&["--allow-unknown"]);
        assert_eq!(allowed.status, 0, "{command:?}: {}", allowed.err);
    }
    let allowed = dir.run(&["check", "schema.json", "--allow-unknown", "--format", "json"]);
    let [it] = &diagnostics(&allowed.out)[..] else { panic!("one diagnostic: {}", allowed.out) };
    assert_eq!(
        (&it["severity"], &it["pointer"]),
        (&"warning".into(), &"/models/projects/wat".into())
    );
    let denied = dir.run(&["check", "schema.json", "--allow-unknown", "--deny-warnings"]);
    assert_eq!(denied.status, 1);
}

#[test]
fn each_misspelt_member_of_a_field_is_one_error() {
    for (member, meant) in [
        (r#""isindexd": true"#, "isIndexed"),
        (r#""Default": "x""#, "default"),
        (r#""uniqe": true"#, "unique"),
        (r#""renamed_from": "old""#, "renamedFrom"),
        (r#""enumvalues": ["a"]"#, "enumValues"),
        (r#""descripton": "x""#, "description"),
        (r#""precisoin": 3, "scale": 1, "format": "decimal""#, "precision"),
        (r#""secrt": false"#, "secret"),
        (r#""relativ": ["append"]"#, "relative"),
    ] {
        let schema = format!(
            r#"{{"v": 3, "models": {{"notes": {{"relations": {{}}, "fields": {{"title": {{"type":
            "string", "isOptional": false, "isIndexed": false, {member}}}}}}}}},
            "identityRoles": []}}"#
        );
        let (status, it) = only(schema.as_bytes());
        assert_eq!((status, it["code"].as_str()), (1, Some("ablo::json::unknown_member")));
        assert_eq!(it["severity"], "error");
        assert_eq!(it["help"], format!("did you mean `{meant}`?"));
        let name = member.split('"').nth(1).expect("a name");
        assert_eq!(it["pointer"], format!("/models/notes/fields/title/{name}"));
    }
}

#[test]
fn a_dash_reads_standard_input() {
    let dir = TestDir::empty();
    assert_eq!(dir.run_with_input(&["check", "-"], SCHEMA.as_bytes()).status, 0);
    let ran = dir.run_with_input(&["check", "-", "--format", "json"], FAULTY.as_bytes());
    assert_eq!(ran.status, 1);
    assert_eq!(diagnostics(&ran.out)[0]["file"], "stdin");
}

#[test]
fn github_commands_are_escaped() {
    let dir = TestDir::empty();
    dir.put(
        "a,b:c%.json",
        "{\"v\": 3, \"models\": {\"100%\\n::error::x\": {}}, \"identityRoles\": []}",
    );
    let ran = dir.run(&["check", "a,b:c%.json", "--format", "github"]);
    assert_eq!(ran.status, 1);
    assert!(!ran.out.is_empty());
    for line in ran.out.lines() {
        assert!(line.starts_with("::error file=a%2Cb%3Ac%25.json,line=1,col="), "{line}");
    }
}

#[test]
fn an_unreadable_file_exits_with_2() {
    let dir = TestDir::empty();
    for args in [["check", "absent.json"], ["check", "."], ["check", "absent/schema.json"]] {
        let ran = dir.run(&[&args[..], &["--format", "json"]].concat());
        assert_eq!(ran.status, 2, "{}", ran.out);
        assert_eq!(codes(&ran.out), ["ablo::source::unreadable"]);
        let ran = dir.run(&args);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains(args[1]), "{}", ran.err);
    }
    let ran = dir.run(&["check"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("ablo::config::not_found"), "{}", ran.err);
    assert_eq!(dir.run(&["check", "schema.json", "--bogus"]).status, 2);
    assert_eq!(dir.run(&["chekc"]).status, 2);
    assert_eq!(dir.run(&["--help"]).status, 0);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let dir = TestDir::empty();
    let file = std::fs::File::create(dir.path("schema.json")).expect("a file");
    file.set_len(200 << 20).expect("a sparse file");
    let started = Instant::now();
    let ran = dir.run(&["check", "schema.json", "--format", "json"]);
    assert!(started.elapsed() < Duration::from_secs(2), "it took {:?}", started.elapsed());
    assert_eq!((ran.status, codes(&ran.out)), (1, vec!["ablo::source::too_large".to_owned()]));
    assert_eq!(
        (&diagnostics(&ran.out)[0]["line"], &diagnostics(&ran.out)[0]["column"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn an_endless_input_is_refused() {
    let dir = TestDir::empty();
    let ran = dir.run_with_input(&["check", "-", "--format", "json"], &vec![b' '; (64 << 20) + 2]);
    assert_eq!((ran.status, codes(&ran.out)), (1, vec!["ablo::source::too_large".to_owned()]));
}

#[test]
fn invalid_utf8_has_a_location() {
    let (status, it) = only(b"{\n  \"v\": 3, \"\xc3\xa4\xff\"\n}");
    assert_eq!((status, it["code"].as_str()), (1, Some("ablo::source::not_utf8")));
    assert_eq!((&it["line"], &it["column"]), (&2.into(), &13.into()));
}

#[test]
fn invalid_and_deep_json_have_a_location() {
    for (text, code) in [
        ("", "ablo::json::syntax"),
        ("hello", "ablo::json::syntax"),
        ("{\"v\": 3", "ablo::json::syntax"),
        (&"[".repeat(1_000_000), "ablo::json::too_deep"),
        (&"{\"a\":".repeat(1_000_000), "ablo::json::too_deep"),
    ] {
        let (status, it) = only(text.as_bytes());
        assert_eq!((status, it["code"].as_str()), (1, Some(code)));
        assert!(it["line"].is_u64() && it["column"].is_u64(), "{it}");
    }
}

#[test]
fn human_output_is_limited_and_json_is_complete() {
    let fields: Vec<_> = (0..500)
        .map(|at| {
            format!(
                "\"Field{at}\": {{\"type\": \"string\", \"isOptional\": \
         false, \"isIndexed\": false}}"
            )
        })
        .collect();
    let text = format!(
        "{{\"v\": 3, \"models\": {{\"tasks\": {{\"fields\": {{{}}}, \"relations\": \
         {{}}}}}}, \"identityRoles\": []}}",
        fields.join(", ")
    );
    let dir = TestDir::empty();
    dir.put("schema.json", text);
    let human = dir.run(&["check", "schema.json"]);
    assert_eq!(human.err.matches("ablo::field::not_camel_case").count(), 40);
    assert!(
        human.err.ends_with("500 errors; showing the first 40, use `--format json` for all\n"),
        "{}",
        human.err
    );
    assert!(human.err.lines().all(|line| line.chars().count() < 400), "long lines are cut");
    assert_eq!(codes(&dir.run(&["check", "schema.json", "--format", "json"]).out).len(), 500);
}

#[test]
fn snippets_of_long_lines_are_cut() {
    let padding = " ".repeat(4_000_000);
    let text = format!(
        "{{\"v\": 3,{padding}\"models\": {{\"tasks\": 1, {padding}\"tasks\": \
         1}}, \"identityRoles\": []}}"
    );
    let dir = TestDir::empty();
    dir.put("schema.json", text);
    let ran = dir.run(&["check", "schema.json"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.len() < 10_000, "{} bytes", ran.err.len());
    assert!(ran.err.contains("also here: line 1, column"), "{}", ran.err);
}

#[test]
fn control_characters_are_not_printed() {
    let dir = TestDir::empty();
    dir.put(
        "schema.json",
        "{\"v\": 3, \"models\": {\"a\u{1b}[31m\u{202e}b\u{9b}\\u001b[2J\": {}}, \"identityRoles\": \
         []}",
    );
    let ran = dir.run(&["check", "schema.json"]);
    assert_eq!(ran.status, 1);
    assert!(!ran.err.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{:?}", ran.err);
    let dir = TestDir::empty();
    dir.put("schema.json", "{\"v\": 3, \"models\": {\"a\\u001b[2J\": {}}, \"identityRoles\": []}");
    let ran = dir.run(&["check", "schema.json"]);
    assert!(ran.err.contains("ablo::model::key_not_identifier"), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}
