//! Rules on relative operations: which fields can have which.

use super::context::Context;
use super::facets::format_of;
use super::names::shown;
use crate::diag::{Applicability, Code, Place};
use crate::raw::{RawField, RawKind};
use crate::schema::{Format, RelativeOperation};
use crate::value::Value;

/// Returns the relative operations of a field, in canonical order.
pub(super) fn relative_of(field: &RawField<'_>) -> Vec<RelativeOperation> {
    let words = field.relative.as_ref().map_or(&[][..], |words| &words.value);
    let is_named =
        |operation: &RelativeOperation| words.iter().any(|word| word.value == operation.as_str());
    RelativeOperation::ALL.into_iter().filter(is_named).collect()
}

pub(super) fn check_relative(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for field in raw.models.iter().flat_map(|model| &model.fields) {
        let Some(words) = &field.relative else { continue };
        if words.value.is_empty() {
            cx.diagnostics
                .push(Code::FacetRelativeInvalid, words.at, "`relative` has no operation")
                .help("name an operation, or remove `relative`");
        }
        for (at, word) in words.value.iter().enumerate() {
            let Some(operation) = RelativeOperation::find(&word.value) else {
                let known = RelativeOperation::ALL.map(RelativeOperation::as_str);
                let help = cx.suggest.help(&word.value, known);
                let near = cx.suggest.nearest(&word.value, known);
                let message = format!("unknown relative operation `{}`", shown(&word.value));
                let found = cx.diagnostics.push(Code::FacetRelativeInvalid, word.at, message);
                found.help = help;
                if let Some(near) = near {
                    let (sure, place) = (Applicability::MachineApplicable, Place::Span(word.at));
                    found.fix(sure, place, format!("\"{near}\""));
                }
                continue;
            };
            if words.value.iter().take(at).any(|earlier| earlier.value == word.value) {
                let message = format!("duplicate relative operation `{}`", word.value);
                cx.diagnostics
                    .push(Code::FacetRelativeInvalid, word.at, message)
                    .help("remove one of the two");
            } else if let Some((what, help)) = misfit(field, operation) {
                let (name, word_text) = (&field.name.value, &word.value);
                let message = format!("field `{name}` {what} and cannot have `{word_text}`");
                cx.diagnostics.push(Code::FacetRelativeOnOtherType, word.at, message).help(help);
            }
        }
        if let Some(unique) = field.unique.filter(|unique| unique.value) {
            let message = format!(
                "field `{}` is unique and cannot have relative operations",
                field.name.value
            );
            cx.diagnostics
                .push(Code::FacetRelativeOnKey, words.at, message)
                .help("remove `relative`, or `unique`")
                .also(unique.at, "declared unique here");
        }
    }
}

/// Returns what the field is and what it accepts instead, if it cannot have an operation.
fn misfit(
    field: &RawField<'_>,
    operation: RelativeOperation,
) -> Option<(&'static str, &'static str)> {
    use RelativeOperation::{Add, Append, Increment, Remove};
    let of_numbers = "numbers can have `increment`";
    let of_lists = "lists can have `append`, `add` and `remove`";
    match (field.kind?.value, format_of(field), operation) {
        (RawKind::Number, _, Increment)
        | (
            RawKind::String,
            Some(Format::Int64 | Format::Uint64 | Format::Decimal { .. }),
            Increment,
        )
        | (RawKind::String, None, Append) => None,
        (RawKind::Json, _, Append | Add | Remove) => holds_no_list(field)
            .then_some(("is JSON of another type than a list", "make its shape a list")),
        (RawKind::Json, ..) => Some(("is JSON", of_lists)),
        (RawKind::Number, ..)
        | (RawKind::String, Some(Format::Int64 | Format::Uint64 | Format::Decimal { .. }), _) => {
            Some(("is a number", of_numbers))
        }
        (RawKind::String, None, _) => Some(("is a text", "texts can have `append`")),
        (RawKind::String, Some(_), _) => Some(("is a UUID", "remove `relative`")),
        (RawKind::Boolean, ..) => Some(("is a boolean", "remove `relative`")),
        (RawKind::Date, ..) => Some(("is a date", "remove `relative`")),
        (RawKind::Enum, ..) => Some(("is an enum", "remove `relative`")),
    }
}

/// Returns whether the shape of a JSON field says that its values are not lists.
fn holds_no_list(field: &RawField<'_>) -> bool {
    let Some(Value::Object(members)) = field.shape.as_ref().map(|shape| &shape.value) else {
        return false;
    };
    let kind = members.iter().find(|(name, _)| **name == *"type").map(|(_, kind)| kind);
    match kind {
        Some(Value::String(kind)) => **kind != *"array",
        Some(Value::Array(kinds)) => !kinds.contains(&Value::String("array".into())),
        _ => false,
    }
}
