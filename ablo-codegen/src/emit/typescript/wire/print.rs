//! Prints `wire.ts` from the JSON Schema of `ablo-wire`.
//!
//! A definition with known members becomes an interface, any other a type alias.

use super::super::ast::Type;
use super::super::form::{Form, ImportExtension};
use super::super::json_schema::{definition_name, lower, text};
use super::super::literal::Prose;
use super::super::name::wire_name;
use super::super::writer::{UNCHECKED, Writer, block, line};
use crate::write::printed::assert_printed;
use serde_json::{Map, Value, json};

/// The definition of a row of any model.
const ROW: &str = "Row";

/// Returns the text of the file for a document with definitions under `$defs`.
fn print(document: &Value) -> String {
    let mut w = Writer::file(
        Form::Source(ImportExtension::Ts),
        64 * 1024,
        "Frames and bodies of the coordination protocol. Any of them may have further members.",
    );
    let nothing = Map::new();
    let definitions = document["$defs"].as_object().unwrap_or(&nothing);
    for (name, definition) in definitions {
        w.gap();
        if let Some(any) = variants(definition) {
            write_choice(&mut w, name, definition, any, definitions);
        } else {
            write_definition(&mut w, name, definition);
        }
    }
    w.finish()
}

fn write_definition(w: &mut Writer, name: &str, definition: &Value) {
    let ident = wire_name(name);
    w.doc(Prose::lines(text(definition, "description")));
    if name == ROW {
        // Not an index signature: interfaces, which rows are, are not assignable to it.
        return line!(w, "export type ", ident, " = ", Type::OBJECT, ";");
    }
    match lower(definition) {
        Type::Object(members) => {
            block!(w, ["export interface ", ident, " {"], ["}"], |w: &mut Writer| {
                members.iter().for_each(|member| member.write_line(w));
            });
        }
        other => line!(w, "export type ", ident, " = ", other, ";"),
    }
}

/// Returns the alternatives of a definition if at least one of them has a description or title.
fn variants(definition: &Value) -> Option<&Vec<Value>> {
    let any = ["anyOf", "oneOf"].into_iter().find_map(|name| definition.get(name)?.as_array())?;
    let is_described = |variant: &Value| {
        !text(variant, "description").is_empty() || !text(variant, "title").is_empty()
    };
    any.iter().any(is_described).then_some(any)
}

// /** A frame from the coordinator. Others are {@link OtherServerFrame}. */
// export type ServerFrame =
//   /** The answer to a ping. */
//   | { type: "pong" };
fn write_choice(
    w: &mut Writer,
    name: &str,
    definition: &Value,
    any: &[Value],
    definitions: &Map<String, Value>,
) {
    let (rest, known): (Vec<&Value>, Vec<&Value>) =
        any.iter().partition(|variant| is_any_other(variant, definitions));
    let about = text(definition, "description");
    match rest.first().and_then(|other| other.get("$ref")?.as_str()).map(definition_name) {
        Some(other) => w.doc(Prose::lines(&format!("{about}\nAll others are {{@link {other}}}."))),
        None if rest.is_empty() => w.doc(Prose::lines(about)),
        None => w.doc(Prose::lines(&format!("{about}\nOther values are possible."))),
    }
    line!(w, "export type ", wire_name(name), " =");
    w.indented(|w| {
        for (at, variant) in known.iter().enumerate() {
            w.doc(Prose::lines(text(variant, "description")));
            let end = if at + 1 == known.len() { ";" } else { "" };
            match titled(variant) {
                Some(title) => line!(w, "| ", wire_name(title), end),
                None => line!(w, "| ", lower(variant), end),
            }
        }
    });
    for variant in known {
        if let Some(title) = titled(variant) {
            w.gap();
            write_definition(w, title, variant);
        }
    }
}

/// Returns the title of an alternative.
fn titled(variant: &Value) -> Option<&str> {
    variant.get("title").and_then(Value::as_str)
}

/// Returns whether an alternative covers all tags other than the known ones. TypeScript has no type
/// for "any other string", and with `string` instead, checking the tag would not narrow the union.
fn is_any_other(variant: &Value, definitions: &Map<String, Value>) -> bool {
    let target = variant.get("$ref").and_then(Value::as_str).map(definition_name);
    let object = target.and_then(|name| definitions.get(name)).unwrap_or(variant);
    let members = object.get("properties").and_then(Value::as_object).into_iter().flatten();
    members.map(|(_, member)| member).any(|member| member.get("not").is_some())
}

#[test]
fn the_file_is_that_of_the_wire_types() {
    let text = print(ablo_wire::frames_schema());
    let text = text.strip_prefix(UNCHECKED).unwrap();
    assert_printed("src/emit/typescript/compiled/wire.d.ts", text);
}

fn written(definitions: Value) -> String {
    let text = print(&json!({ "$defs": definitions }));
    text.split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn objects_become_interfaces() {
    let text = written(json!({
        "Actor": {
            "description": "The participant.",
            "type": "object",
            "required": ["kind"],
            "additionalProperties": true,
            "properties": {
                "kind": { "$ref": "#/$defs/ParticipantKind", "description": "Its kind." },
                "id": { "type": ["string", "null"] },
                "a-b": {
                    "type": "array",
                    "items": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                },
            },
        },
    }));
    assert_eq!(
        text,
        "/** The participant. */\nexport interface Actor {\n  \
         /** Its kind. */\n  kind: ParticipantKind;\n  id?: string | null;\n  \
         \"a-b\"?: (number | null)[];\n}\n"
    );
}

#[test]
fn other_schemas_become_aliases() {
    let aliases = [
        (
            json!({
                "type": "string", "examples": ["a", "b"],
            }),
            "\"a\" | \"b\" | (string & {})",
        ),
        (
            json!({ "oneOf": [{ "const": 1 }, { "const": true }, { "type": "null" }] }),
            "1 | true | null",
        ),
        (
            json!({ "allOf": [
                { "$ref": "#/$defs/B" },
                { "type": "object", "properties": { "c": { "type": "string" } } },
            ] }),
            "B & { c?: string }",
        ),
        (json!({ "$ref": "#/$defs/B", "description": "x" }), "B"),
        (
            json!({ "type": "object", "additionalProperties": { "type": "number" } }),
            "{ [key: string]: number }",
        ),
        (json!({ "type": "object", "additionalProperties": true }), "{ [key: string]: unknown }"),
        (
            json!({
                "type": "array",
                "prefixItems": [{ "type": "string" }, { "type": "number" }],
            }),
            "[string, number]",
        ),
        (json!({ "description": "Any JSON value." }), "unknown"),
        (json!(true), "unknown"),
        (json!(false), "never"),
    ];
    for (schema, expected) in aliases {
        let text = written(json!({ "X": schema }));
        assert!(
            text.ends_with(&format!("export type X = {expected};\n")),
            "{text} lacks {expected}"
        );
    }
}

#[test]
fn a_choice_lists_known_tags_and_links_the_rest() {
    let tag = |tag: Value| {
        let properties = json!({ "type": tag });
        json!({ "type": "object", "required": ["type"], "properties": properties })
    };
    let mut pong = tag(json!({ "const": "pong" }));
    pong["description"] = "A response.".into();
    let text = written(json!({
        "Frame": {
            "description": "A frame.",
            "oneOf": [pong, tag(json!({ "const": "ping" })), { "$ref": "#/$defs/Other" }],
        },
        "Other": tag(json!({ "type": "string", "not": { "enum": ["ping", "pong"] } })),
    }));
    assert_eq!(
        text,
        "/**\n * A frame.\n * All others are {@link Other}.\n */\nexport type Frame =\n  \
         /** A response. */\n  | { type: \"pong\" }\n  | { type: \"ping\" };\n\n\
         export interface Other {\n  type: string;\n}\n"
    );
}

#[test]
fn titled_alternatives_become_interfaces() {
    let properties = json!({ "id": { "type": "string" } });
    let http = json!({ "title": "HttpOperation", "type": "object", "properties": properties });
    assert_eq!(
        written(json!({ "Operation": { "anyOf": [http, { "type": "null" }] } })),
        "export type Operation =\n  | HttpOperation\n  | null;\n\n\
         export interface HttpOperation {\n  id?: string;\n}\n"
    );
}

#[test]
fn rows_are_objects() {
    let row = json!({ "Row": { "type": "object", "additionalProperties": true } });
    assert_eq!(written(row), "export type Row = object;\n");
}

/// An unhandled keyword would be ignored silently.
#[test]
fn all_keywords_are_handled() {
    const HANDLED: &[&str] = &[
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "description",
        "enum",
        "examples",
        "items",
        "oneOf",
        "prefixItems",
        "properties",
        "required",
        "type",
    ];
    const IGNORED: &[&str] =
        &["default", "format", "maxItems", "maximum", "minItems", "minimum", "not", "title"];
    fn check(schema: &Value, at: &str) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            let known = HANDLED.contains(&&**keyword) || IGNORED.contains(&&**keyword);
            assert!(known, "{keyword} in {at}: {schema}");
            match (&**keyword, value) {
                ("properties", Value::Object(members)) => {
                    members.iter().for_each(|(name, member)| check(member, name))
                }
                ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                    list.iter().for_each(|part| check(part, at));
                }
                ("additionalProperties" | "items", part) => check(part, at),
                _ => {}
            }
        }
    }
    let document = ablo_wire::frames_schema();
    let definitions = document["$defs"].as_object().unwrap();
    assert!(definitions.len() > 20);
    definitions.iter().for_each(|(name, definition)| check(definition, name));
}

#[test]
fn each_definition_is_emitted_once() {
    let document = ablo_wire::frames_schema();
    let text = print(document);
    for name in document["$defs"].as_object().unwrap().keys() {
        let starts = [format!("export interface {name} {{"), format!("export type {name} = ")];
        let found = text
            .lines()
            .filter(|line| starts.iter().any(|start| (line.to_string() + " ").starts_with(start)));
        assert_eq!(found.count(), 1, "{name}");
    }
}
