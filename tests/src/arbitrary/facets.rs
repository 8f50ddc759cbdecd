//! Facets for generated fields: those that each type allows, with hostile texts among them.

use super::{PROSE, VALUES, capital};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The facets of a field. Each number is taken modulo the number of choices.
#[derive(Clone, Debug)]
pub(super) struct FacetSpec {
    format: usize,
    default: Option<usize>,
    unique: bool,
    shape: Option<usize>,
    renamed: bool,
    numbered: bool,
    deprecated: Option<usize>,
    relative: Option<usize>,
    secret: bool,
}

pub(super) fn facets() -> impl Strategy<Value = FacetSpec> {
    let flag = || prop::bool::weighted(0.2);
    let flags = (flag(), flag(), flag(), flag());
    let choice = || prop::option::weighted(0.4, any::<usize>());
    (any::<usize>(), choice(), choice(), choice(), choice(), flags).prop_map(
        |(format, default, shape, deprecated, relative, (unique, renamed, numbered, secret))| {
            FacetSpec {
                format,
                default,
                unique,
                shape,
                renamed,
                numbered,
                deprecated,
                relative,
                secret,
            }
        },
    )
}

/// Adds the facets that a field's type allows. `index` is unique within a model.
pub(super) fn add(field: &mut Map<String, Value>, name: &str, index: usize, spec: &FacetSpec) {
    let kind = field["type"].as_str().expect("a field has a type").to_owned();
    let values = field.get("enumValues").cloned().unwrap_or_default();
    let pick = |of: &[&str]| of[spec.format % of.len()].to_owned();
    let format = match kind.as_str() {
        "number" => {
            pick(&["", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float", "email"])
        }
        "string" => pick(&["", "int64", "uint64", "decimal", "digits", "uuid", "colour"]),
        _ => String::new(),
    };
    match format.as_str() {
        "" => {}
        "digits" => {
            let scale = spec.format % 30;
            let precision = scale + 1 + spec.format % 7;
            field.extend(members(
                json!({ "format": "decimal", "precision": precision, "scale": scale }),
            ));
        }
        word => drop(field.insert("format".into(), word.into())),
    }
    if format.is_empty()
        && spec.default.is_none()
        && let Some(name) = column_type(&kind, spec.format / 16)
    {
        field.insert("columnType".into(), name.into());
    }
    if let Some(choice) = spec.default {
        field.insert("default".into(), default(&kind, &format, &values, choice));
    }
    if spec.unique && kind != "json" {
        field.insert("unique".into(), true.into());
    }
    if let Some(choice) = spec.shape.filter(|_| kind == "json") {
        field.insert("shape".into(), shape(choice));
    }
    if spec.renamed {
        field.insert("renamedFrom".into(), format!("old{}", capital(name)).into());
    }
    if spec.numbered {
        field.insert("number".into(), (index * 7 + 1).into());
    }
    if let Some(choice) = spec.deprecated {
        let notes = [json!(true), json!(false), json!(PROSE[choice % PROSE.len()])];
        field.insert("deprecated".into(), notes[choice / 7 % notes.len()].clone());
    }
    if let Some(choice) = spec.relative {
        set_relative(field, choice);
    }
    if spec.secret && field["isOptional"] == true && field.get("unique").is_none() {
        field.insert("secret".into(), true.into());
    }
}

/// Returns a type of column that a field's type allows; for half of the choices, the usual one.
fn column_type(kind: &str, choice: usize) -> Option<&'static str> {
    let all: &[&'static str] = match kind {
        "string" => &[
            "varchar(4000)",
            "uuid",
            "bigint",
            "smallint",
            "date",
            "time(3)",
            "timetz",
            "interval",
            "inet",
            "cidr",
            "macaddr",
            "name",
            "char(7)",
            "character varying",
        ],
        "number" => &["smallint", "int4", "bigint", "real", "numeric", "numeric(12,3)"],
        "date" => &["timestamp", "timestamp(3)", "timestamptz(0)", "date"],
        _ => &[],
    };
    all.get(choice % (all.len() * 2).max(1)).copied()
}

/// Sets some of the relative operations that a field allows, in any order.
pub(super) fn set_relative(field: &mut Map<String, Value>, choice: usize) {
    let allowed = operations(field);
    if allowed.is_empty() {
        field.shift_remove("relative");
        return;
    }
    let (first, count) = (choice % allowed.len(), 1 + choice / 3 % allowed.len());
    let words: Vec<&str> = allowed.iter().copied().cycle().skip(first).take(count).collect();
    field.insert("relative".into(), words.into());
}

/// Returns the relative operations that a field allows.
fn operations(field: &Map<String, Value>) -> &'static [&'static str] {
    let text = |member: &str| field.get(member).and_then(Value::as_str);
    let is_object = field.get("shape").is_some_and(|shape| shape["type"] == "object");
    match (text("type"), text("format")) {
        _ if field.get("unique") == Some(&Value::Bool(true)) => &[],
        (Some("number"), _) | (Some("string"), Some("int64" | "uint64" | "decimal")) => {
            &["increment"]
        }
        (Some("string"), Some("uuid")) => &[],
        (Some("string"), _) => &["append"],
        (Some("json"), _) if !is_object => &["append", "add", "remove"],
        _ => &[],
    }
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn default(kind: &str, format: &str, values: &Value, choice: usize) -> Value {
    let pick = |of: &[Value]| of[choice % of.len()].clone();
    match (kind, format) {
        ("enum", _) => pick(values.as_array().expect("an enum has values")),
        ("boolean", _) => choice.is_multiple_of(2).into(),
        ("date", _) => pick(
            &["now", "2024-02-29T23:59:59Z", "0001-01-01T00:00:00.000001-11:30"].map(Value::from),
        ),
        ("json", _) => {
            let text = VALUES[choice % VALUES.len()];
            pick(&[
                json!({ text: [text, null, 0.5] }),
                json!([]),
                json!(text),
                json!(1e300),
                json!(false),
            ])
        }
        ("number", "int8") => pick(&[json!(-128), json!(127)]),
        ("number", "uint8") => pick(&[json!(0), json!(255)]),
        ("number", "int16") => pick(&[json!(-32768), json!(32767)]),
        ("number", "uint16") => json!(65535),
        ("number", "int32") => json!(i32::MIN),
        ("number", "uint32") => json!(u32::MAX),
        ("number", "float") => pick(&[json!(0.1), json!(-3.4e38)]),
        ("number", _) => pick(&[json!(0), json!(-1e-300), json!(1.5), json!(5e-324), json!(1e21)]),
        ("string", "int64") => {
            pick(&["0", "-9223372036854775808", "9223372036854775807"].map(Value::from))
        }
        ("string", "uint64") => pick(&["0", "18446744073709551615"].map(Value::from)),
        ("string", "decimal") => {
            pick(&["-0.10", "12345678901234567890123456789.5"].map(Value::from))
        }
        ("string", "digits") => json!("0"),
        ("string", "uuid") => json!("67e55044-10b1-426f-9247-bb680e5fe0c8"),
        _ => VALUES[choice % VALUES.len()].into(),
    }
}

fn shape(choice: usize) -> Value {
    let text = VALUES[choice % VALUES.len()];
    let shapes = [
        json!({}),
        json!({
            "type": "object",
            "properties": { text: { "type": "string", "description": text } },
            "required": [text],
        }),
        json!({ "type": "array", "items": { "enum": [text, 1, null] } }),
        json!({
            "anyOf": [{ "const": text }, { "type": ["integer", "null"] }],
            "description": text,
        }),
        json!({
            "type": "object",
            "additionalProperties": { "type": "array", "prefixItems": [true, { "not": false }] },
        }),
    ];
    shapes[choice / VALUES.len() % shapes.len()].clone()
}
