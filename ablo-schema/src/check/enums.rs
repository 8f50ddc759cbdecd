//! Rules on enums: at least one value, no duplicates, and only on enum fields.

use super::context::Context;
use super::names::shown;
use crate::diag::{Code, SpanId};
use crate::lookup::Lookup;
use crate::raw::{RawField, RawKind};
use crate::schema::FieldMember;

pub(super) fn check_enums(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let Some(kind) = field.kind else { continue };
        if kind.value == RawKind::Enum {
            check_values(cx, field);
        } else if let Some(values) = &field.enum_values {
            let message = format!(
                "field `{}` has `enumValues` but type `{}`",
                field.name.value,
                kind.value.as_str()
            );
            cx.diagnostics
                .push(Code::EnumValuesOnOtherType, values.at, message)
                .help("make it an enum, or remove the values");
        }
    }
}

fn check_values(cx: &mut Context<'_, '_>, field: &RawField<'_>) {
    let authored = field.members.contains(&FieldMember::EnumValues);
    let values = match &field.enum_values {
        Some(values) if !values.value.is_empty() => &values.value,
        // Values of the wrong type have been reported.
        None if authored => return,
        _ => {
            let at = field.enum_values.as_ref().map_or(field.at, |values| values.at);
            cx.diagnostics
                .push(Code::EnumNoValues, at, format!("enum `{}` has no values", field.name.value))
                .help("list at least one value, such as `draft`");
            return;
        }
    };
    let mut seen: Lookup<&str, SpanId> = Lookup::with_capacity(values.len());
    for value in values {
        if value.value.contains('\0') {
            let message =
                format!("the enum value `{}` contains a NUL character", shown(&value.value));
            cx.diagnostics
                .push(Code::EnumNulInValue, value.at, message)
                .help("databases cannot store NUL in text; remove it");
        }
        if let Some(first) = seen.insert(&value.value, value.at) {
            let message = format!(
                "enum `{}` has the value `{}` twice",
                field.name.value,
                shown(&value.value)
            );
            cx.diagnostics
                .push(Code::EnumRepeatedValue, value.at, message)
                .help("remove one of the two")
                .also(first, "first listed here");
        }
    }
}
