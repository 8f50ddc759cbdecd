//! What is declared in Rust and its twin in Schema JSON are one schema: one text, the same hashes, the same files.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::front::json;
use ablo_schema::front::rust::file;
use ablo_schema::{Code, Hashes, Schema, canonical, hash};
use ablo_tests::fixtures;
use serde_json::Map;
use std::fs;
use std::path::Path;

/// A schema, and the codes of what was said of it.
fn read_rust(path: &Path) -> (Schema, Vec<Code>) {
    let folder = path.parent().expect("a file is in a folder");
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
        let emit = target.configure(&Map::new()).expect("defaults are good options");
        emit.emit(&Input::new(schema, &hashes), &mut files);
    }
    files
}

#[test]
fn rust_and_its_twin_in_json_are_one_schema() {
    let sources = fixtures::find("rust", "schema.rs");
    assert!(sources.len() >= 3, "{sources:?}");
    for source in sources {
        let name = fixtures::name_of(&source);
        let twin = fixtures::read(&source.with_extension("json"));
        let twin = json::read(&twin);
        let codes: Vec<Code> = twin.diagnostics.iter().map(|it| it.code).collect();
        let twin = twin.schema.unwrap_or_else(|| panic!("{name}: the twin is a schema: {codes:?}"));
        let (schema, said) = read_rust(&source);
        assert_eq!(said, codes, "{name}");
        assert_eq!(first_difference(&pretty(&schema), &pretty(&twin)), None, "{name}");
        assert_eq!(canonical::print(&schema), canonical::print(&twin), "{name}");
        assert_eq!(Hashes::of(&schema), Hashes::of(&twin), "{name}");
        assert_eq!(hash::of_models(&schema), hash::of_models(&twin), "{name}");
        assert_eq!(schema, twin, "{name}");
        assert_eq!(emit(&schema), emit(&twin), "{name}");
    }
}

/// The twin of a fixture that the reference knows differs from it only in members that say what is so anyway.
#[test]
fn the_newsroom_is_the_newsroom() {
    let of = |path: &str| {
        json::read(&fixtures::read(&fixtures::root().join(path))).schema.expect("a good schema")
    };
    let (ours, reference) = (of("rust/newsroom/schema.json"), of("schemas/newsroom/schema.json"));
    for model in reference.models() {
        let twin = ours.model(model.key.as_str()).expect("it has the same models");
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
        serde_json::from_str(&canonical::print(schema)).expect("what is printed is JSON");
    serde_json::to_string_pretty(&value).expect("values print")
}
