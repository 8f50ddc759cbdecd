//! Compares the shape read from a source with the one that schemars prints for the compiled type.

use ablo_schema::canonical;
use ablo_schema::front::rust::file;
use schemars::generate::SchemaSettings;

#[allow(
    dead_code,
    missing_docs,
    reason = "their attributes and documentation are part of the test"
)]
mod types {
    include!("../../../fixtures/shapes/types.rs");
}

#[test]
fn shapes_match_schemars() {
    let source = include_str!("../../../fixtures/shapes/types.rs");
    let read = file::read(&format!(
        "{source}\n#[derive(AbloModel)] struct Model {{ sources: Json<Vec<Source>> }}"
    ));
    let schema = read.schema.expect("the source is valid");
    let document: serde_json::Value =
        serde_json::from_str(&canonical::print(&schema)).expect("canonical text is JSON");
    let ours = &document["models"]["model"]["fields"]["sources"]["shape"];

    let mut settings = SchemaSettings::draft2020_12();
    (settings.inline_subschemas, settings.meta_schema) = (true, None);
    let mut theirs =
        settings.into_generator().into_root_schema_for::<Vec<types::Source>>().to_value();
    theirs.as_object_mut().expect("an object").remove("title");
    let print = |value: &serde_json::Value| {
        serde_json::to_string_pretty(value).expect("the value serialises")
    };
    assert_eq!(numbers(&print(ours)), numbers(&print(&theirs)));
}

/// Normalises zero, which both sides print differently.
fn numbers(text: &str) -> String {
    text.replace("0.0", "0")
}
