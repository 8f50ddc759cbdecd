//! The conformance vectors of the canonical text and of `schemaHash`.

use ablo_schema::{Hashes, canonical, front::json};
use ablo_tests::fixtures;
use serde_json::Value;

fn accept(text: &str, name: &str) -> ablo_schema::Schema {
    let read = json::read(text);
    let messages: Vec<String> = json::locate(text, &read.diagnostics)
        .iter()
        .map(|located| {
            format!(
                "{} {} {}",
                located.diagnostic.code, located.location.pointer, located.diagnostic.message
            )
        })
        .collect();
    read.schema.unwrap_or_else(|| panic!("{name} is refused: {messages:#?}"))
}

#[test]
fn canonical_text_and_schema_hash_match_the_reference() {
    let vectors = fixtures::find("conformance", "expected.json");
    assert!(vectors.len() >= 61, "only {} vectors were found", vectors.len());
    for path in vectors {
        let name = fixtures::name_of(&path);
        let expected: Value =
            serde_json::from_str(&fixtures::read(&path)).expect("vectors are JSON");
        let schema = accept(&fixtures::read(&path.with_file_name("schema.json")), &name);
        let text = canonical::print(&schema);
        assert_eq!(text, expected["serialized"], "{name}");
        assert_eq!(Hashes::of(&schema).schema.to_string(), expected["schemaHash"], "{name}");
        assert_eq!(
            accept(&text, &name),
            schema,
            "{name}: the canonical text reads back as the same schema"
        );
    }
}

/// The text of the reference is also a document that an author may have: no member is unknown.
#[test]
fn printed_documents_are_read_as_authored_ones() {
    for path in fixtures::find("conformance", "expected.json") {
        let name = fixtures::name_of(&path);
        let expected: Value =
            serde_json::from_str(&fixtures::read(&path)).expect("vectors are JSON");
        let text = expected["serialized"].as_str().expect("a text");
        let read = json::read_authored(text);
        let diagnostics = &read.diagnostics;
        let schema = read.schema.unwrap_or_else(|| panic!("{name}: {diagnostics:#?}"));
        assert_eq!(canonical::print(&schema), text, "{name}");
    }
}

#[test]
fn previous_schemas_of_the_vectors_are_accepted() {
    for path in fixtures::find("conformance", "prev.json") {
        accept(&fixtures::read(&path), &fixtures::name_of(&path));
    }
}
