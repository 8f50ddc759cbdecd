//! Backfills: `[{model, field, value}]`, each value checked against its field.

use super::hints::unknown;
use super::node::Node;
use super::parts::Parts;
use crate::check::defaults::{is_date, is_decimal, is_uuid, is_whole};
use crate::diag::{Code, Diagnostics, SpanId, Spanned};
use crate::diff::Backfills;
use crate::schema::{Field, FieldKind, Format, Model, Schema};
use crate::value::Value;
use std::borrow::Cow;

/// Reads backfills for `next`. A model's `organizationId` can have one where its rows are isolated by column.
///
/// Every fault is reported in one run; with an error there are no backfills.
#[must_use]
pub fn read_backfills(text: &str, next: &Schema) -> (Option<Backfills>, Diagnostics) {
    super::aside(text, |root, parts| {
        let mut backfills = Backfills::default();
        for item in parts.array(root, "the document of backfills").unwrap_or_default() {
            read_one(item, next, &mut backfills, parts);
        }
        backfills
    })
}

fn read_one(
    node: Node<'_>,
    next: &Schema,
    backfills: &mut Backfills,
    parts: &mut Parts<'_>,
) -> Option<()> {
    const MEMBERS: [(&str, &str); 3] = [
        ("model", "add `\"model\"` and its key in the next schema"),
        ("field", "add `\"field\"` and its name in the next schema"),
        ("value", "add `\"value\"`: what the rows that are there get"),
    ];
    let at = node.span();
    let (mut model, mut field, mut value) = (None, None, None);
    let mut has = [false; 3];
    for member in parts.object(node, "a backfill")? {
        match member.name.as_ref() {
            "model" => (has[0], model) = (true, parts.string(member)),
            "field" => (has[1], field) = (true, parts.string(member)),
            "value" => {
                (has[2], value) =
                    (true, Some(Spanned::new(member.value.to_value(), member.value.span())))
            }
            _ => unknown(&member, "a backfill", &["model", "field", "value"], parts),
        }
    }
    for ((name, help), has) in MEMBERS.into_iter().zip(has) {
        if !has {
            parts.missing(at, "a backfill", name, help);
        }
    }
    let (model, field, value) = (model?, field?, value?);
    let Some(found) = next.model(&model.value) else {
        let help =
            parts.suggest.help(&model.value, next.models().iter().map(|model| model.key.as_str()));
        let message = format!("`{}` is no model of the next schema", model.value);
        let said = parts.diagnostics.push(Code::BackfillUnknownModel, model.at, message);
        said.help =
            help.or_else(|| Some("name a model by its key, or remove the backfill".to_owned()));
        return None;
    };
    let target = find(found, &field, parts)?;
    check(&target, &field.value, &value, parts)?;
    let fields = backfills.by_model.entry(found.key.as_str().into()).or_default();
    if fields.insert(field.value.as_ref().into(), value.value).is_some() {
        let message = format!("`{}` of `{}` has a backfill already", field.value, found.key);
        parts.diagnostics.push(Code::BackfillRepeated, at, message).help("keep one of the two");
    }
    Some(())
}

/// What a value is checked against.
enum Target<'s> {
    Declared(&'s Field),
    Organization,
}

fn find<'s>(
    model: &'s Model,
    name: &Spanned<Cow<'_, str>>,
    parts: &mut Parts<'_>,
) -> Option<Target<'s>> {
    if let Some(field) = model.field(&name.value) {
        return Some(Target::Declared(field));
    }
    if name.value == "organizationId" && model.tenancy_column().is_some() {
        return Some(Target::Organization);
    }
    let help =
        parts.suggest.help(&name.value, model.fields.iter().map(|field| field.name.as_str()));
    let message =
        format!("`{}` is no field of `{}` that can have a backfill", name.value, model.key);
    parts.diagnostics.push(Code::BackfillUnknownField, name.at, message).help =
        help.or_else(|| {
            Some("name a declared field of the next schema, or remove the backfill".to_owned())
        });
    None
}

fn check(
    target: &Target<'_>,
    name: &str,
    value: &Spanned<Value>,
    parts: &mut Parts<'_>,
) -> Option<()> {
    let (fits, help) = match target {
        Target::Declared(field) => fits(field, &value.value),
        Target::Organization => {
            let fits =
                matches!(&value.value, Value::String(id) if !id.is_empty() && !id.contains('\0'));
            (fits, "give the id of the organisation that owns the rows, as a string".to_owned())
        }
    };
    if fits {
        return Some(());
    }
    report(name, value.at, &value.value, help, parts);
    None
}

fn report(name: &str, at: SpanId, value: &Value, help: String, parts: &mut Parts<'_>) {
    let shown: String = value.to_json().chars().take(60).collect();
    let message = format!("{shown} is no value of `{name}`");
    parts.diagnostics.push(Code::BackfillUnfit, at, message).help(help);
}

/// Whether a field can hold it, and what it can hold.
fn fits(field: &Field, value: &Value) -> (bool, String) {
    match (&field.kind, value) {
        (FieldKind::Enum(values), value) => {
            let known = matches!(value, Value::String(text) if values.contains(text));
            let listed: Vec<String> =
                values.iter().take(9).map(|value| format!("{value:?}")).collect();
            (known, format!("give one of the enum's values: {}", listed.join(", ")))
        }
        (FieldKind::Boolean, value) => {
            (matches!(value, Value::Bool(_)), "give `true` or `false`".to_owned())
        }
        (FieldKind::Date, value) => (
            matches!(value, Value::String(text) if is_date(text)),
            "give RFC 3339 text such as `2026-06-01T08:00:00.000Z`".to_owned(),
        ),
        (FieldKind::Json, value) => (
            *value != Value::Null && !value.holds_nul(),
            "give any JSON but null, without the character U+0000".to_owned(),
        ),
        (FieldKind::Number, value) => fits_number(field.facets.format, value),
        (FieldKind::String, value) => fits_text(field.facets.format, value),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the bounds of number formats have at most 32 bits")]
fn fits_number(format: Option<Format>, value: &Value) -> (bool, String) {
    let Value::Number(number) = value else { return (false, "give a number".to_owned()) };
    match (format, format.and_then(Format::bounds)) {
        (_, Some((least, most))) => {
            let fits = (least as f64..=most as f64).contains(number) && number.fract() == 0.0;
            (fits, format!("give a whole number from {least} to {most}"))
        }
        (Some(Format::Float), None) => (
            number.abs() <= f64::from(f32::MAX),
            format!("give a number from -{0:e} to {0:e}", f32::MAX),
        ),
        (_, None) => (true, String::new()),
    }
}

fn fits_text(format: Option<Format>, value: &Value) -> (bool, String) {
    let Value::String(text) = value else {
        let digits = format.is_some_and(|format| format != Format::Uuid);
        let help = if digits {
            "write it as a string of digits, so that no reader rounds it"
        } else {
            "give a string"
        };
        return (false, help.to_owned());
    };
    match (format, format.and_then(Format::bounds)) {
        (_, Some((least, most))) => {
            (is_whole(text, least, most), format!("give digits without leading zeros, from {least} to {most}"))
        }
        (Some(Format::Decimal { digits }), None) => (
            is_decimal(text, digits),
            "give digits without leading zeros, no more than the field has before and behind the point".to_owned(),
        ),
        (Some(Format::Uuid), None) => {
            (is_uuid(text), "give a lower-case UUID such as `67e55044-10b1-426f-9247-bb680e5fe0c8`".to_owned())
        }
        (_, None) => (!text.contains('\0'), "no database keeps the character U+0000 in a text".to_owned()),
    }
}
