//! `ablo check`: formats, exit statuses, and whatever may come in.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use serde_json::Value;
use std::time::{Duration, Instant};
use support::{Place, SCHEMA};

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

fn warned() -> String {
    SCHEMA.replacen(r#""relations": {}"#, r#""relations": {}, "wat": 1"#, 1)
}

fn diagnostics(json: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(json).expect("one JSON value");
    document["diagnostics"].as_array().expect("a list").clone()
}

fn codes(json: &str) -> Vec<String> {
    diagnostics(json).iter().map(|it| it["code"].as_str().expect("a code").to_owned()).collect()
}

/// The only diagnostic of `check --format json` on these bytes, and the exit status.
fn only(bytes: &[u8]) -> (i32, Value) {
    let place = Place::empty();
    place.put("schema.json", bytes);
    let ran = place.run(&["check", "schema.json", "--format", "json"]);
    let [it] = &diagnostics(&ran.out)[..] else { panic!("one diagnostic: {}", ran.out) };
    (ran.status, it.clone())
}

#[test]
fn a_valid_schema_ends_with_0() {
    let place = Place::with_schema();
    let ran = place.run(&["check", "schema.json"]);
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "schema.json is valid: 3 models\n", "")
    );
    let ran = place.run(&["check", "schema.json", "--format", "json"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "{\"diagnostics\":[]}\n"));
    let ran = place.run(&["check", "schema.json", "--format", "github"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
}

#[test]
fn errors_end_with_1_in_every_format() {
    let place = Place::empty();
    place.put("schema.json", FAULTY);
    let human = place.run(&["check", "schema.json"]);
    assert_eq!((human.status, human.out.as_str()), (1, ""));
    insta::assert_snapshot!("human", human.err);
    let json = place.run(&["check", "schema.json", "--format", "json"]);
    assert_eq!((json.status, json.err.as_str()), (1, ""));
    let document: Value = serde_json::from_str(&json.out).expect("JSON");
    insta::assert_json_snapshot!("json", document);
    let github = place.run(&["check", "schema.json", "--format", "github"]);
    assert_eq!((github.status, github.err.as_str()), (1, ""));
    insta::assert_snapshot!("github", github.out);
}

#[test]
fn warnings_fail_only_when_asked_to() {
    let place = Place::empty();
    place.put("schema.json", warned());
    let ran = place.run(&["check", "schema.json"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("1 warning"), "{}", ran.err);
    assert_eq!(place.run(&["check", "schema.json", "--deny-warnings"]).status, 1);
    let place = Place::with_schema();
    assert_eq!(place.run(&["check", "schema.json", "--deny-warnings"]).status, 0);
}

#[test]
fn standard_input_is_read_for_a_dash() {
    let place = Place::empty();
    assert_eq!(place.run_with_input(&["check", "-"], SCHEMA.as_bytes()).status, 0);
    let ran = place.run_with_input(&["check", "-", "--format", "json"], FAULTY.as_bytes());
    assert_eq!(ran.status, 1);
    assert_eq!(diagnostics(&ran.out)[0]["file"], "stdin");
}

#[test]
fn github_commands_stay_on_their_line() {
    let place = Place::empty();
    place.put(
        "a,b:c%.json",
        "{\"v\": 3, \"models\": {\"100%\\n::error::x\": {}}, \"identityRoles\": []}",
    );
    let ran = place.run(&["check", "a,b:c%.json", "--format", "github"]);
    assert_eq!(ran.status, 1);
    assert!(!ran.out.is_empty());
    for line in ran.out.lines() {
        assert!(line.starts_with("::error file=a%2Cb%3Ac%25.json,line=1,col="), "{line}");
    }
}

#[test]
fn what_cannot_be_read_ends_with_2_and_a_code() {
    let place = Place::empty();
    for args in [["check", "absent.json"], ["check", "."], ["check", "absent/schema.json"]] {
        let ran = place.run(&[&args[..], &["--format", "json"]].concat());
        assert_eq!(ran.status, 2, "{}", ran.out);
        assert_eq!(codes(&ran.out), ["ablo::source::unreadable"]);
        let ran = place.run(&args);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains(args[1]), "{}", ran.err);
    }
    let ran = place.run(&["check"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("ablo::config::not_found"), "{}", ran.err);
    assert_eq!(place.run(&["check", "schema.json", "--bogus"]).status, 2);
    assert_eq!(place.run(&["chekc"]).status, 2);
    assert_eq!(place.run(&["--help"]).status, 0);
}

#[test]
fn too_large_a_file_is_refused_before_it_is_read() {
    let place = Place::empty();
    let file = std::fs::File::create(place.path("schema.json")).expect("a file");
    file.set_len(200 << 20).expect("a sparse file");
    let started = Instant::now();
    let ran = place.run(&["check", "schema.json", "--format", "json"]);
    assert!(started.elapsed() < Duration::from_secs(2), "it took {:?}", started.elapsed());
    assert_eq!((ran.status, codes(&ran.out)), (1, vec!["ablo::source::too_large".to_owned()]));
    assert_eq!(
        (&diagnostics(&ran.out)[0]["line"], &diagnostics(&ran.out)[0]["column"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn too_long_an_input_is_refused_without_its_end() {
    let place = Place::empty();
    let ran =
        place.run_with_input(&["check", "-", "--format", "json"], &vec![b' '; (64 << 20) + 2]);
    assert_eq!((ran.status, codes(&ran.out)), (1, vec!["ablo::source::too_large".to_owned()]));
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    let (status, it) = only(b"{\n  \"v\": 3, \"\xc3\xa4\xff\"\n}");
    assert_eq!((status, it["code"].as_str()), (1, Some("ablo::source::not_utf8")));
    assert_eq!((&it["line"], &it["column"]), (&2.into(), &13.into()));
}

#[test]
fn no_json_and_deep_json_are_placed() {
    for (text, code) in [
        ("", "ablo::json::syntax"),
        ("hello", "ablo::json::syntax"),
        ("{\"v\": 3,}", "ablo::json::syntax"),
        (&"[".repeat(1_000_000), "ablo::json::too_deep"),
        (&"{\"a\":".repeat(1_000_000), "ablo::json::too_deep"),
    ] {
        let (status, it) = only(text.as_bytes());
        assert_eq!((status, it["code"].as_str()), (1, Some(code)));
        assert!(it["line"].is_u64() && it["column"].is_u64(), "{it}");
    }
}

#[test]
fn many_faults_are_cut_for_people_and_kept_for_programs() {
    let fields: Vec<_> = (0..500)
        .map(|at| format!("\"Field{at}\": {{\"type\": \"string\", \"isOptional\": false, \"isIndexed\": false}}"))
        .collect();
    let text = format!(
        "{{\"v\": 3, \"models\": {{\"tasks\": {{\"fields\": {{{}}}, \"relations\": {{}}}}}}, \"identityRoles\": []}}",
        fields.join(", ")
    );
    let place = Place::empty();
    place.put("schema.json", text);
    let human = place.run(&["check", "schema.json"]);
    assert_eq!(human.err.matches("ablo::field::not_camel_case").count(), 40);
    assert!(
        human.err.ends_with("500 errors; the first 40 are shown, `--format json` has all\n"),
        "{}",
        human.err
    );
    assert!(human.err.lines().all(|line| line.chars().count() < 400), "a long line is cut");
    assert_eq!(codes(&place.run(&["check", "schema.json", "--format", "json"]).out).len(), 500);
}

#[test]
fn a_place_on_a_line_of_megabytes_is_shown_cut() {
    let padding = " ".repeat(4_000_000);
    let text = format!(
        "{{\"v\": 3,{padding}\"models\": {{\"tasks\": 1, {padding}\"tasks\": 1}}, \"identityRoles\": []}}"
    );
    let place = Place::empty();
    place.put("schema.json", text);
    let ran = place.run(&["check", "schema.json"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.len() < 10_000, "{} bytes", ran.err.len());
    assert!(ran.err.contains("also here: line 1, column"), "{}", ran.err);
}

#[test]
fn nothing_that_steers_a_terminal_is_printed() {
    let place = Place::empty();
    place.put(
        "schema.json",
        "{\"v\": 3, \"models\": {\"a\u{1b}[31m\u{202e}b\u{9b}\\u001b[2J\": {}}, \"identityRoles\": []}",
    );
    let ran = place.run(&["check", "schema.json"]);
    assert_eq!(ran.status, 1);
    assert!(!ran.err.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{:?}", ran.err);
    let place = Place::empty();
    place
        .put("schema.json", "{\"v\": 3, \"models\": {\"a\\u001b[2J\": {}}, \"identityRoles\": []}");
    let ran = place.run(&["check", "schema.json"]);
    assert!(ran.err.contains("ablo::model::key_not_identifier"), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}
