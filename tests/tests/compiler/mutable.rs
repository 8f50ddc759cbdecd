//! The default of `mutable` for a whole schema, and the warning about a schema without it.

use ablo_schema::front::{json, rust::file};
use ablo_schema::{Hashes, Schema};

const READ_ONLY: &str = "ablo::schema::read_only";

/// Returns a document with these members of the document and of its two models.
fn document(document: &str, [first, second]: [&str; 2]) -> String {
    let field = r#"{"title":{"type":"string","isOptional":false,"isIndexed":false}}"#;
    format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{field},"relations":{{}}{first}}},
        "notes":{{"fields":{field},"relations":{{}}{second}}}}},"identityRoles":[]{document}}}"#
    )
}

/// Reads a document and returns its schema and the codes of its warnings.
fn read(text: &str) -> (Schema, Vec<&'static str>) {
    let read = json::read(text);
    let codes = read.diagnostics.iter().map(|one| one.code.as_str()).collect();
    (read.schema.unwrap_or_else(|| panic!("{codes:?}: {text}")), codes)
}

fn flags(schema: &Schema) -> Vec<bool> {
    schema.models().iter().map(|model| model.mutable).collect()
}

#[test]
fn the_default_applies_to_models_that_do_not_say() {
    let (schema, codes) = read(&document(r#","mutable":true"#, ["", r#","mutable":false"#]));
    assert_eq!((flags(&schema), codes), (vec![true, false], vec![]));
    let (each, _) = read(&document("", [r#","mutable":true"#, r#","mutable":false"#]));
    assert_eq!(Hashes::of(&schema).schema, Hashes::of(&each).schema);
}

#[test]
fn a_schema_that_no_session_can_write_is_a_warning() {
    let no = r#","mutable":false"#;
    for (text, codes) in [
        (document("", ["", ""]), vec![READ_ONLY]),
        (document("", [no, ""]), vec![READ_ONLY]),
        (document("", ["", r#","mutable":true"#]), vec![]),
        // Intended.
        (document("", [no, no]), vec![]),
        (document(no, ["", ""]), vec![]),
    ] {
        assert_eq!(read(&text).1, codes, "{text}");
    }
}

#[test]
fn the_default_of_inline_models_is_an_attribute_of_the_schema() {
    let read = file::read(
        "define_schema! { #[ablo(mutable)] pub schema App {\n\
         pub struct Task { pub title: String }\n\
         #[ablo(mutable = false)] pub struct Note { pub text: String } } }",
    );
    let codes: Vec<_> = read.diagnostics.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, [""; 0]);
    assert_eq!(flags(&read.schema.expect("a schema")), [true, false]);
    let listed = file::read(
        "#[derive(AbloModel)] struct Task { title: String }\n\
         define_schema! { #[ablo(mutable)] pub schema App { Task } }",
    );
    let codes: Vec<_> = listed.diagnostics.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["ablo::rust::mixed_schema"]);
}
