//! `ablo schema`, `ablo targets`, `ablo explain`: what programs and people ask for.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use serde_json::Value;
use std::io::Read;
use std::process::Stdio;
use support::{Place, SCHEMA};

#[test]
fn print_prints_the_canonical_text_and_a_newline() {
    let place = Place::with_schema();
    let printed = place.run(&["schema", "print", "schema.json"]);
    assert_eq!((printed.status, printed.err.as_str()), (0, ""));
    let read = ablo_schema::front::json::read(SCHEMA);
    let schema = read.schema.expect("it is valid");
    assert_eq!(printed.out, ablo_schema::canonical::print(&schema) + "\n");
    // Printing what was printed changes nothing.
    assert_eq!(
        place.run_with_input(&["schema", "print", "-"], printed.out.as_bytes()).out,
        printed.out
    );
}

#[test]
fn a_schema_is_printed_in_rust_and_read_back() {
    let place = Place::with_schema();
    let printed = place.run(&["schema", "print", "schema.json", "--document", "rust"]);
    assert_eq!((printed.status, printed.err.as_str()), (0, ""));
    assert!(printed.out.contains("#[derive(AbloModel, "), "{}", printed.out);
    place.put("schema.rs", &printed.out);
    let back = place.run(&["schema", "print", "schema.rs"]);
    assert_eq!((back.status, back.out), (0, place.run(&["schema", "print", "schema.json"]).out));
    assert_eq!(place.run(&["schema", "print", "schema.rs", "--document", "rust"]).out, printed.out);
}

#[test]
fn what_rust_does_not_say_is_told() {
    let said = |further: &str, load: &str| {
        let field = format!(r#"{{"type":"json","isOptional":false,"isIndexed":false{further}}}"#);
        let model = format!(r#"{{"relations":{{}},"fields":{{"tags":{field}}}{load}}}"#);
        format!(r#"{{"v":3,"models":{{"notes":{model}}},"identityRoles":[]}}"#)
    };
    for (code, schema) in [
        ("ablo::source::unsaid", said(r#","default":[]"#, "")),
        ("ablo::source::hash", said("", r#","load":"instant""#)),
    ] {
        let place = Place::empty();
        place.put("schema.json", schema);
        let ran = place.run(&["schema", "print", "schema.json", "--document", "rust"]);
        assert!(ran.status == 1 && ran.err.contains(code), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn hash_prints_one_object() {
    let place = Place::with_schema();
    let ran = place.run(&["schema", "hash", "schema.json"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let object: Value = serde_json::from_str(&ran.out).expect("one JSON object");
    assert_eq!(
        object.as_object().expect("an object").keys().collect::<Vec<_>>(),
        ["schemaHash", "contentHash", "models"]
    );
    let hashes = ablo_schema::Hashes::of(
        &ablo_schema::front::json::read(SCHEMA).schema.expect("it is valid"),
    );
    assert_eq!(object["schemaHash"], hashes.schema.to_string());
    assert_eq!(object["contentHash"], hashes.content.to_string());
    let models = object["models"].as_object().expect("an object");
    assert_eq!(models.keys().collect::<Vec<_>>(), ["projects", "tasks", "notes"]);
    assert!(models.values().all(|hash| hash.as_str().is_some_and(|hash| hash.len() == 64)));
}

#[test]
fn an_invalid_schema_has_neither() {
    let place = Place::empty();
    place.put("schema.json", "{}");
    for what in ["print", "hash"] {
        let ran = place.run(&["schema", what, "schema.json"]);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("ablo::json::missing_member"), "{}", ran.err);
    }
}

#[test]
fn targets_lists_each_with_its_options() {
    let ran = Place::empty().run(&["targets"]);
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
    let place = Place::empty();
    let of_schema = ablo_schema::Code::all().map(|code| (code.as_str(), code.title()));
    let of_command = [("ablo::config::unknown_option", "The target has no such option")];
    for (code, title) in of_schema.chain(of_command) {
        let ran = place.run(&["explain", code]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.out.starts_with(code) && ran.out.contains(title), "{}", ran.out);
    }
    insta::assert_snapshot!("explain", place.run(&["explain", "ablo::output::not_ours"]).out);
}

#[test]
fn an_unknown_code_ends_with_2_and_a_near_one() {
    let ran = Place::empty().run(&["explain", "ablo::json::sintax"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("ablo::explain::unknown_code"), "{}", ran.err);
    assert!(ran.err.contains("did you mean `ablo::json::syntax`?"), "{}", ran.err);
}

#[test]
fn nobody_reading_is_nobodys_error() {
    let place = Place::empty();
    let models: Vec<_> = (0..20_000)
        .map(|at| format!("\"model{at}\": {{\"fields\": {{}}, \"relations\": {{}}}}"))
        .collect();
    place.put(
        "schema.json",
        format!("{{\"v\": 3, \"models\": {{{}}}, \"identityRoles\": []}}", models.join(", ")),
    );
    let mut command = place.command(&["schema", "hash", "schema.json"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut first = [0; 10];
    child.stdout.take().expect("a pipe").read_exact(&mut first).expect("it prints");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()),
        (Some(0), "")
    );
}

#[test]
fn help_shows_the_main_job_in_an_example() {
    let ran = Place::empty().run(&["--help"]);
    insta::assert_snapshot!("help", ran.out);
}
