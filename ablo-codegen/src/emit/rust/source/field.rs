//! Prints fields: as fields of a struct, or in `base(…)`.

use super::super::ident::Ident;
use super::super::writer::{Number, Str, Word, Writer};
use super::names::{FieldNames, Names, Value};
use super::{attribute, relation};
use ablo_schema::schema::{Facets, Field, FieldKind, Format, Relation, default_column};
use ablo_schema::value;

/// ```text
///     /// One line.
///     #[ablo(indexed, default = "open")]
///     pub status: Option<TaskStatus>,
/// ```
pub(super) fn print(
    out: &mut Writer,
    field: &Field,
    own: &FieldNames,
    edge: Option<&Relation>,
    names: &Names,
) {
    let Facets { description, deprecated, format, default, renamed_from, number, relative, .. } =
        &field.facets;
    if let Some(description) = description {
        out.prose("    ", description);
    }
    if let Some(deprecated) = deprecated {
        match &deprecated.note {
            Some(note) => out.line(&[&"    #[deprecated(note = ", &Str(note), &")]"]),
            None => out.line(&[&"    #[deprecated]"]),
        }
    }
    let mut words = Vec::new();
    if let Some(edge) = edge {
        words.extend(relation::of_field(edge, own, names));
    }
    words.extend(column(field));
    if let Some(Format::Decimal { digits: Some((precision, scale)) }) = format {
        words.push(Word::new(&[
            &"decimal(",
            &u32::from(*precision),
            &", ",
            &u32::from(*scale),
            &")",
        ]));
    }
    words.extend(default.as_ref().and_then(|value| default_of(field, value)));
    if let Some(before) = renamed_from {
        words.push(Word::new(&[&"renamed_from = ", &Str(before.as_str())]));
    }
    if let Some(number) = number {
        words.push(Word::new(&[&"number = ", number]));
    }
    if !relative.is_empty() {
        let operations: Vec<Word> =
            relative.iter().map(|operation| Word::new(&[&operation.as_str()])).collect();
        words.push(Word::new(&[&"relative(", &super::list(operations.iter()), &")"]));
    }
    attribute::print(out, "    ", &words);
    out.line(&[&"    pub ", &own.ident, &": ", &type_of(field, &own.value), &","]);
}

/// Returns `base(organization_id: Option<String>, column = "tenant")`, a redeclared base field.
pub(super) fn base(field: &Field, own: &FieldNames) -> Word {
    let mut words = vec![Word::new(&[&own.ident, &": ", &type_of(field, &own.value)])];
    words.extend(column(field));
    words.extend(field.facets.number.map(|number| Word::new(&[&"number = ", &number])));
    Word::new(&[&"base(", &super::list(words.iter()), &")"])
}

/// Returns the words about the column that are not defaults.
fn column(field: &Field) -> Vec<Word> {
    let mut words = Vec::new();
    if field.indexed {
        words.push(Word::new(&[&"indexed"]));
    }
    if field.facets.unique {
        words.push(Word::new(&[&"unique"]));
    }
    if field.facets.secret {
        words.push(Word::new(&[&"secret"]));
    }
    if field.column != *default_column(field.name.as_str()) {
        words.push(Word::new(&[&"column = ", &Str(field.column.as_str())]));
    }
    if let Some(column_type) = field.column_type_text() {
        words.push(Word::new(&[&"column_type = ", &Str(column_type)]));
    }
    words
}

fn type_of(field: &Field, value: &Value) -> Word {
    let held = match value {
        Value::Plain(name) => Word::new(&[name]),
        Value::Enum(ident) => Word::new(&[ident]),
        Value::Json(shape) => Word::new(&[&"Json<", shape, &">"]),
        Value::Id(model) => Word::new(&[&"Id<", model, &">"]),
    };
    if field.optional { Word::new(&[&"Option<", &held, &">"]) } else { held }
}

/// Returns `default = 1`, or `None` if the value has no literal: a list, an object, `null`.
fn default_of(field: &Field, value: &value::Value) -> Option<Word> {
    let value = match value {
        value::Value::Bool(flag) => Word::new(&[flag]),
        value::Value::Number(number) => Word::new(&[&Number(*number)]),
        value::Value::String(text) if field.kind == FieldKind::Date && &**text == "now" => {
            Word::new(&[&"now"])
        }
        value::Value::String(text) => {
            digits(field, text).unwrap_or_else(|| Word::new(&[&Str(text)]))
        }
        value::Value::Null | value::Value::Array(_) | value::Value::Object(_) => return None,
    };
    Some(Word::new(&[&"default = ", &value]))
}

/// Returns the literal of a 64-bit integer, which is a string on the wire.
fn digits(field: &Field, text: &str) -> Option<Word> {
    field.facets.format.filter(|format| matches!(format, Format::Int64 | Format::Uint64))?;
    let number: i128 = text.parse().ok()?;
    (number.to_string() == text).then(|| Word::new(&[&Ident::verbatim(text)]))
}
