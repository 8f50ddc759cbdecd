//! Parts of JSON Schema definitions, from the types and doc comments of this crate.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// Returns the schema of an open string enum: a string with the known values as examples.
pub(crate) fn open_enum(doc: &[&str], known: &[&str]) -> Schema {
    json_schema!({ "description": description(doc), "type": "string", "examples": known })
}

/// Replaces formats that JSON Schema does not have. Generated programs read an integer without a
/// format as 32 bits.
pub(crate) fn common_formats(schema: &mut Schema) {
    if let Some(Value::String(format)) = schema.get_mut("format")
        && matches!(format.as_str(), "uint" | "uint32" | "uint64")
    {
        "int64".clone_into(format);
    }
}

/// Returns the description for the lines of a doc comment.
pub(crate) fn description(lines: &[&str]) -> String {
    prose(&lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n"))
}

/// Marks a schema as nullable, so that [`tidy_record`] keeps its null.
pub(crate) fn nullable(mut schema: Schema) -> Schema {
    schema.insert(NULLABLE_MARK.into(), true.into());
    schema
}

const NULLABLE_MARK: &str = "x-keep-null";

/// Removes code examples from the description. Applied to definitions other than records.
pub(crate) fn tidy(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = prose(text);
    }
    // The forms of a value differ in their JSON type, and generators make better types of `oneOf`.
    if let Some(forms) = schema.remove("anyOf") {
        schema.insert("oneOf".to_owned(), forms);
    }
}

/// Adds a definition that has no Rust type and returns a reference to it.
pub(crate) fn define(generator: &mut SchemaGenerator, name: &str, schema: Value) -> Schema {
    generator.definitions_mut().insert(name.to_owned(), schema);
    let path = generator.settings().definitions_path.trim_start_matches('#').trim_end_matches('/');
    json_schema!({ "$ref": format!("#{path}/{name}") })
}

/// Removes null from optional members, because `Option` means absent here, and code examples from
/// descriptions. Applied to every record.
pub(crate) fn tidy_record(schema: &mut Schema) {
    tidy(schema);
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties {
        let Value::Object(property) = property else { continue };
        if let Some(Value::String(text)) = property.get_mut("description") {
            *text = prose(text);
        }
        property.shift_remove("default"); // defaults apply to reading only
        let keep_null = property.shift_remove(NULLABLE_MARK).is_some();
        if !keep_null && !required.iter().any(|required| required == name) {
            drop_null(property);
        }
    }
}

fn drop_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = property.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(kinds)) = property.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = &kinds[..] {
            let only = only.clone();
            property.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [Value::Object(only)] = &mut choices[..] {
            let only = std::mem::take(only);
            property.shift_remove("anyOf");
            let outer = std::mem::replace(property, only);
            property.extend(outer);
        }
    }
}

/// Returns the prose of a doc comment for users of the API: the text before the first example,
/// without link brackets and citations. Each paragraph becomes one line.
fn prose(text: &str) -> String {
    let end = text.find("```").unwrap_or(text.len());
    let paragraphs: Vec<String> = text[..end]
        .trim_end()
        .split("\n\n")
        .map(|paragraph| without_citations(&paragraph.replace('\n', " ")))
        .collect();
    paragraphs.join("\n\n").replace("[`", "`").replace("`]", "`")
}

/// Removes parentheses that cite a document.
fn without_citations(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some((before, inner, after)) = split_parenthesis(rest) {
        kept.push_str(before);
        if !inner.contains(".md") {
            kept.push_str(&rest[before.len()..rest.len() - after.len()]);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Splits text at its first parenthesis: the text before the space, the inner text, and the rest.
fn split_parenthesis(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(" (")?;
    let (inner, after) = rest.split_once(')')?;
    Some((before, inner, after))
}

#[cfg(test)]
#[test]
fn citations_are_removed_and_other_parentheses_kept() {
    let text = prose(
        "Held (or\nqueued) now (docs/protocol/claims.md §2,\ndocs/protocol/http.md §6). \
         As [`Claim`]\nsays.\n\nMore\n(docs/protocol/http.md §7)\n\n```\ncode\n```",
    );
    assert_eq!(text, "Held (or queued) now. As `Claim` says.\n\nMore");
    assert_eq!(prose("An open (bracket"), "An open (bracket");
}
