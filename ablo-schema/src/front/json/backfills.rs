//! Backfills: `[{model, field, value}]`, each value checked against its field.

use super::context::ReadContext;
use super::hints::unknown_member;
use super::node::Node;
use crate::check::defaults::{is_date, is_decimal, is_whole};
use crate::diag::{Code, Diagnostics, SpanId, Spanned};
use crate::diff::Backfills;
use crate::schema::is_uuid;
use crate::schema::{Field, FieldKind, Format, Model, Schema};
use crate::value::Value;
use std::borrow::Cow;

/// Reads backfills for `next`. `organizationId` of a model can have one if its tenancy is by
/// column.
///
/// All errors are reported in one run. Returns no backfills if there are errors.
#[must_use]
pub fn read_backfills(text: &str, next: &Schema) -> (Option<Backfills>, Diagnostics) {
    super::read_companion(text, |root, cx| {
        let mut backfills = Backfills::default();
        for item in cx.array(root, "the list of backfills").unwrap_or_default() {
            read_one(item, next, &mut backfills, cx);
        }
        backfills
    })
}

fn read_one(
    node: Node<'_>,
    next: &Schema,
    backfills: &mut Backfills,
    cx: &mut ReadContext<'_>,
) -> Option<()> {
    const MEMBERS: [(&str, &str); 3] = [
        ("model", "add `\"model\"` with a key of the next schema"),
        ("field", "add `\"field\"` with a field name of the next schema"),
        ("value", "add `\"value\"`, which existing rows get"),
    ];
    let at = node.span();
    let (mut model, mut field, mut value) = (None, None, None);
    let mut present = [false; 3];
    for member in cx.object(node, "a backfill")? {
        match member.name.as_ref() {
            "model" => (present[0], model) = (true, cx.string(member)),
            "field" => (present[1], field) = (true, cx.string(member)),
            "value" => {
                (present[2], value) =
                    (true, Some(Spanned::new(member.value.to_value(), member.value.span())))
            }
            _ => unknown_member(&member, "a backfill", &["model", "field", "value"], cx),
        }
    }
    for ((name, help), present) in MEMBERS.into_iter().zip(present) {
        if !present {
            cx.missing_member(at, "a backfill", name, help);
        }
    }
    let (model, field, value) = (model?, field?, value?);
    let Some(found) = next.model(&model.value) else {
        let help =
            cx.suggest.help(&model.value, next.models().iter().map(|model| model.key.as_str()));
        let message = format!("unknown model `{}` in the next schema", model.value);
        let diagnostic = cx.diagnostics.push(Code::BackfillUnknownModel, model.at, message);
        diagnostic.help =
            help.or_else(|| Some("name a model by its key, or remove the backfill".to_owned()));
        return None;
    };
    let target = find(found, &field, cx)?;
    check(&target, &field.value, &value, cx)?;
    let fields = backfills.by_model.entry(found.key.as_str().into()).or_default();
    if fields.insert(field.value.as_ref().into(), value.value).is_some() {
        let message = format!("field `{}` of model `{}` has two backfills", field.value, found.key);
        cx.diagnostics.push(Code::BackfillRepeated, at, message).help("remove one of the two");
    }
    Some(())
}

/// The field that a value is checked against.
enum Target<'s> {
    Declared(&'s Field),
    Organization,
}

fn find<'s>(
    model: &'s Model,
    name: &Spanned<Cow<'_, str>>,
    cx: &mut ReadContext<'_>,
) -> Option<Target<'s>> {
    if let Some(field) = model.field(&name.value) {
        return Some(Target::Declared(field));
    }
    if name.value == "organizationId" && model.tenancy_column().is_some() {
        return Some(Target::Organization);
    }
    let help = cx.suggest.help(&name.value, model.fields.iter().map(|field| field.name.as_str()));
    let message =
        format!("no field `{}` on model `{}` that can have a backfill", name.value, model.key);
    cx.diagnostics.push(Code::BackfillUnknownField, name.at, message).help = help.or_else(|| {
        Some("name a declared field of the next schema, or remove the backfill".to_owned())
    });
    None
}

fn check(
    target: &Target<'_>,
    name: &str,
    value: &Spanned<Value>,
    cx: &mut ReadContext<'_>,
) -> Option<()> {
    let (fits, help) = match target {
        Target::Declared(field) => fits(field, &value.value),
        Target::Organization => {
            let fits =
                matches!(&value.value, Value::String(id) if !id.is_empty() && !id.contains('\0'));
            (fits, "use the id of the organisation that owns the rows, as a string".to_owned())
        }
    };
    if fits {
        return Some(());
    }
    report(name, value.at, &value.value, help, cx);
    None
}

fn report(name: &str, at: SpanId, value: &Value, help: String, cx: &mut ReadContext<'_>) {
    let shown: String = value.to_json().chars().take(60).collect();
    let message = format!("invalid value {shown} for field `{name}`");
    cx.diagnostics.push(Code::BackfillUnfit, at, message).help(help);
}

/// Returns whether the field can store the value, and a help text.
fn fits(field: &Field, value: &Value) -> (bool, String) {
    match (&field.kind, value) {
        (FieldKind::Enum(values), value) => {
            let known = matches!(value, Value::String(text) if values.contains(text));
            let listed: Vec<String> =
                values.iter().take(9).map(|value| format!("{value:?}")).collect();
            (known, format!("use one of the enum values: {}", listed.join(", ")))
        }
        (FieldKind::Boolean, value) => {
            (matches!(value, Value::Bool(_)), "use `true` or `false`".to_owned())
        }
        (FieldKind::Date, value) => (
            matches!(value, Value::String(text) if is_date(text)),
            "use an RFC 3339 timestamp such as `2026-06-01T08:00:00.000Z`".to_owned(),
        ),
        (FieldKind::Json, value) => (
            *value != Value::Null && !value.contains_nul(),
            "use any JSON except null, without the character U+0000".to_owned(),
        ),
        (FieldKind::Number, value) => fits_number(field.facets.format, value),
        (FieldKind::String, value) => fits_text(field.facets.format, value),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the bounds of number formats have at most 32 bits")]
fn fits_number(format: Option<Format>, value: &Value) -> (bool, String) {
    let Value::Number(number) = value else { return (false, "use a number".to_owned()) };
    match (format, format.and_then(Format::bounds)) {
        (_, Some((min, max))) => {
            let fits = (min as f64..=max as f64).contains(number) && number.fract() == 0.0;
            (fits, format!("use a whole number from {min} to {max}"))
        }
        (Some(Format::Float), None) => (
            number.abs() <= f64::from(f32::MAX),
            format!("use a number from -{0:e} to {0:e}", f32::MAX),
        ),
        (_, None) => (true, String::new()),
    }
}

fn fits_text(format: Option<Format>, value: &Value) -> (bool, String) {
    let Value::String(text) = value else {
        let digits = format.is_some_and(|format| format != Format::Uuid);
        let help = if digits {
            "write it as a string of digits, so that JSON parsers do not round it"
        } else {
            "use a string"
        };
        return (false, help.to_owned());
    };
    match (format, format.and_then(Format::bounds)) {
        (_, Some((min, max))) => (
            is_whole(text, min, max),
            format!(
                "use digits without leading zeros, from {min} \
                to {max}"
            ),
        ),
        (Some(Format::Decimal { digits }), None) => (
            is_decimal(text, digits),
            "use digits without leading zeros, at most as many before and after the decimal point \
             as the field has"
                .to_owned(),
        ),
        (Some(Format::Uuid), None) => (
            is_uuid(text),
            "use a lower-case UUID such as `67e55044-10b1-426f-9247-bb680e5fe0c8`".to_owned(),
        ),
        (_, None) => {
            (!text.contains('\0'), "databases cannot store the character U+0000 in text".to_owned())
        }
    }
}
