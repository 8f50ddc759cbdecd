//! Compares schemas declared in Rust with the same schemas in Schema JSON: canonical text, hashes
//! and generated files are equal.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::front::json;
use ablo_schema::front::rust::file;
use ablo_schema::{Code, Hashes, Schema, canonical, hash};
use ablo_tests::fixtures;
use serde_json::Map;
use std::fs;
use std::path::Path;

/// Returns a schema and the codes of its diagnostics.
fn read_rust(path: &Path) -> (Schema, Vec<Code>) {
    let folder = path.parent().expect("the file has a parent folder");
    let read = file::read_with(&fixtures::read(path), &mut |wanted| {
        fs::read_to_string(folder.join(format!("{}.rs", wanted.name)))
            .map_err(|error| error.to_string())
    });
    let schema =
        read.schema.unwrap_or_else(|| panic!("{}: {:#?}", path.display(), read.diagnostics));
    (schema, read.diagnostics.iter().map(|it| it.code).collect())
}

fn emit(schema: &Schema) -> Files {
    let hashes = Hashes::of(schema);
    let mut files = Files::default();
    for target in targets() {
        let emitter = target.configure(&Map::new()).expect("the default options are valid");
        emitter.emit(&Input::new(schema, &hashes), &mut files);
    }
    files
}

#[test]
fn rust_and_json_schemas_are_equal() {
    let sources = fixtures::find("rust", "schema.rs");
    assert!(sources.len() >= 3, "{sources:?}");
    for source in sources {
        let name = fixtures::name_of(&source);
        let twin = fixtures::read(&source.with_extension("json"));
        let twin = json::read(&twin);
        let codes: Vec<Code> = twin.diagnostics.iter().map(|it| it.code).collect();
        let twin =
            twin.schema.unwrap_or_else(|| panic!("{name}: the JSON twin is refused: {codes:?}"));
        let (schema, rust_codes) = read_rust(&source);
        assert_eq!(rust_codes, codes, "{name}");
        assert_eq!(first_difference(&pretty(&schema), &pretty(&twin)), None, "{name}");
        assert_eq!(canonical::print(&schema), canonical::print(&twin), "{name}");
        assert_eq!(Hashes::of(&schema), Hashes::of(&twin), "{name}");
        assert_eq!(hash::of_models(&schema), hash::of_models(&twin), "{name}");
        assert_eq!(schema, twin, "{name}");
        assert_eq!(emit(&schema), emit(&twin), "{name}");
    }
}

/// Compares the Rust newsroom with the fixture of the reference, which also spells out default
/// members.
#[test]
fn both_newsroom_fixtures_agree() {
    let read = |path: &str| {
        json::read(&fixtures::read(&fixtures::root().join(path)))
            .schema
            .expect("the schema is valid")
    };
    let (ours, reference) =
        (read("rust/newsroom/schema.json"), read("schemas/newsroom/schema.json"));
    for model in reference.models() {
        let twin = ours.model(model.key.as_str()).expect("both have the same models");
        assert_eq!(
            (&twin.fields, &twin.table, &twin.tenancy),
            (&model.fields, &model.table, &model.tenancy)
        );
        assert_eq!((twin.load, twin.plane, twin.mutable), (model.load, model.plane, model.mutable));
    }
}

fn first_difference(one: &str, other: &str) -> Option<(String, String)> {
    let line = |line: Option<&str>| line.unwrap_or("(end)").to_owned();
    let (mut ones, mut others) = (one.lines(), other.lines());
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => return Some((line(a), line(b))),
        }
    }
}

fn pretty(schema: &Schema) -> String {
    let value: serde_json::Value =
        serde_json::from_str(&canonical::print(schema)).expect("canonical text is JSON");
    serde_json::to_string_pretty(&value).expect("the value serialises")
}
