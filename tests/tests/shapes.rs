//! The shape that is read from a source is the one that schemars prints for the compiled type.

use ablo_schema::canonical;
use ablo_schema::front::rust::file;
use schemars::generate::SchemaSettings;

#[allow(dead_code, missing_docs, reason = "what is said of them is part of the test")]
mod types {
    include!("../../fixtures/shapes/types.rs");
}

#[test]
fn shapes_are_what_schemars_prints() {
    let source = include_str!("../../fixtures/shapes/types.rs");
    let read = file::read(&format!(
        "{source}\n#[derive(AbloModel)] struct Model {{ sources: Json<Vec<Source>> }}"
    ));
    let schema = read.schema.expect("the source is fine");
    let document: serde_json::Value =
        serde_json::from_str(&canonical::print(&schema)).expect("JSON");
    let ours = &document["models"]["model"]["fields"]["sources"]["shape"];

    let mut settings = SchemaSettings::draft2020_12();
    (settings.inline_subschemas, settings.meta_schema) = (true, None);
    let mut theirs =
        settings.into_generator().into_root_schema_for::<Vec<types::Source>>().to_value();
    theirs.as_object_mut().expect("an object").remove("title");
    let print =
        |value: &serde_json::Value| serde_json::to_string_pretty(value).expect("values print");
    assert_eq!(numbers(&print(ours)), numbers(&print(&theirs)));
}

/// JSON has one zero.
fn numbers(text: &str) -> String {
    text.replace("0.0", "0")
}
