//! `ablo schema`, `ablo targets` and `ablo explain`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use serde_json::Value;
use std::io::Read;
use std::process::Stdio;

#[test]
fn print_prints_the_canonical_text_and_a_newline() {
    let dir = TestDir::with_schema();
    let printed = dir.run(&["schema", "print", "schema.json"]);
    assert_eq!((printed.status, printed.err.as_str()), (0, ""));
    let read = ablo_schema::front::json::read(SCHEMA);
    let schema = read.schema.expect("a valid schema");
    assert_eq!(printed.out, ablo_schema::canonical::print(&schema) + "\n");
    // Printing is idempotent.
    assert_eq!(
        dir.run_with_input(&["schema", "print", "-"], printed.out.as_bytes()).out,
        printed.out
    );
}

#[test]
fn a_schema_round_trips_through_rust() {
    let dir = TestDir::with_schema();
    let printed = dir.run(&["schema", "print", "schema.json", "--document", "rust"]);
    assert_eq!((printed.status, printed.err.as_str()), (0, ""));
    assert!(printed.out.contains("#[derive(AbloModel, "), "{}", printed.out);
    dir.put("schema.rs", &printed.out);
    let back = dir.run(&["schema", "print", "schema.rs"]);
    assert_eq!((back.status, back.out), (0, dir.run(&["schema", "print", "schema.json"]).out));
    assert_eq!(dir.run(&["schema", "print", "schema.rs", "--document", "rust"]).out, printed.out);
}

#[test]
fn what_rust_cannot_express_is_reported() {
    let output = |further: &str, load: &str| {
        let field = format!(r#"{{"type":"json","isOptional":false,"isIndexed":false{further}}}"#);
        let model = format!(r#"{{"relations":{{}},"fields":{{"tags":{field}}}{load}}}"#);
        format!(r#"{{"v":3,"models":{{"notes":{model}}},"identityRoles":[]}}"#)
    };
    for (code, schema) in [
        ("ablo::source::unsaid", output(r#","default":[]"#, "")),
        ("ablo::source::hash", output("", r#","load":"instant""#)),
    ] {
        let dir = TestDir::empty();
        dir.put("schema.json", schema);
        let ran = dir.run(&["schema", "print", "schema.json", "--document", "rust"]);
        assert!(ran.status == 1 && ran.err.contains(code), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn json_schema_prints_the_schema_of_documents() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&["schema", "json-schema"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(schema, ablo_schema::front::json::document_schema());
    // A document may name it.
    dir.put("ablo.schema.json", &ran.out);
    let named = SCHEMA.replacen('{', r#"{ "$schema": "./ablo.schema.json","#, 1);
    dir.put("named.json", &named);
    assert_eq!(dir.run(&["check", "named.json", "--deny-warnings"]).status, 0);
    let hash = |file: &str| dir.run(&["schema", "hash", file]).out;
    assert_eq!(hash("named.json"), hash("schema.json"));
}

#[test]
fn hash_prints_one_object() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&["schema", "hash", "schema.json"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let object: Value = serde_json::from_str(&ran.out).expect("one JSON object");
    assert_eq!(
        object.as_object().expect("an object").keys().collect::<Vec<_>>(),
        ["schemaHash", "contentHash", "models"]
    );
    let hashes = ablo_schema::Hashes::of(
        &ablo_schema::front::json::read(SCHEMA).schema.expect("a valid schema"),
    );
    assert_eq!(object["schemaHash"], hashes.schema.to_string());
    assert_eq!(object["contentHash"], hashes.content.to_string());
    let models = object["models"].as_object().expect("an object");
    assert_eq!(models.keys().collect::<Vec<_>>(), ["projects", "tasks", "notes"]);
    assert!(models.values().all(|hash| hash.as_str().is_some_and(|hash| hash.len() == 64)));
}

#[test]
fn an_invalid_schema_is_neither_printed_nor_hashed() {
    let dir = TestDir::empty();
    dir.put("schema.json", "{}");
    for what in ["print", "hash"] {
        let ran = dir.run(&["schema", what, "schema.json"]);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("ablo::json::missing_member"), "{}", ran.err);
    }
}

#[test]
fn targets_lists_each_with_its_options() {
    let ran = TestDir::empty().run(&["targets"]);
    assert_eq!(ran.status, 0);
    for target in ablo_codegen::targets() {
        assert!(
            ran.out.contains(&format!("{}\n    {}\n", target.id(), target.about())),
            "{}",
            ran.out
        );
        for (name, meaning) in target.options() {
            assert!(ran.out.contains(&format!("    {name}: {meaning}\n")), "{}", ran.out);
        }
    }
}

#[test]
fn every_code_is_explained() {
    let dir = TestDir::empty();
    let of_schema = ablo_schema::Code::all().map(|code| (code.as_str(), code.title()));
    let of_command = [("ablo::config::unknown_option", "Unknown option of a target")];
    for (code, title) in of_schema.chain(of_command) {
        let ran = dir.run(&["explain", code]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.out.starts_with(code) && ran.out.contains(title), "{}", ran.out);
    }
    insta::assert_snapshot!("explain", dir.run(&["explain", "ablo::output::not_ours"]).out);
}

#[test]
fn an_unknown_code_exits_with_2_and_a_suggestion() {
    let ran = TestDir::empty().run(&["explain", "ablo::json::sintax"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("ablo::explain::unknown_code"), "{}", ran.err);
    assert!(ran.err.contains("did you mean `ablo::json::syntax`?"), "{}", ran.err);
}

#[test]
fn a_closed_output_is_not_an_error() {
    let dir = TestDir::empty();
    let models: Vec<_> = (0..20_000)
        .map(|at| format!("\"model{at}\": {{\"fields\": {{}}, \"relations\": {{}}}}"))
        .collect();
    dir.put(
        "schema.json",
        format!("{{\"v\": 3, \"models\": {{{}}}, \"identityRoles\": []}}", models.join(", ")),
    );
    let mut command = dir.command(&["schema", "hash", "schema.json"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ablo starts");
    let mut first = [0; 10];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("it prints");
    let ended = child.wait_with_output().expect("it exits");
    assert_eq!(
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()),
        (Some(0), "")
    );
}

#[test]
fn help_has_examples() {
    let ran = TestDir::empty().run(&["--help"]);
    insta::assert_snapshot!("help", ran.out);
}
