//! Rules on model options: the names in them must exist.

use super::context::Context;
use super::names::shown;
use crate::diag::{Code, Spanned};
use crate::raw::{CowStr, RawKind};
use crate::schema::default_column;

pub(super) fn check_bootstrap(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for (at, model) in raw.models.iter().enumerate() {
        if let Some(limit) = model.bootstrap_limit.filter(|limit| !is_count(limit.value)) {
            let message = format!("invalid `bootstrapLimit` {}", limit.value);
            cx.diagnostics
                .push(Code::HintBootstrapLimit, limit.at, message)
                .help("use a whole number, 0 or greater");
        }
        if let Some(order_by) = &model.bootstrap_order_by {
            check_order(cx, at, order_by);
        }
    }
}

/// Warns about a schema whose rows no session can write.
pub(super) fn check_mutable(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    let mut flags = raw.models.iter().map(|model| model.mutable.or(raw.mutable));
    let Some(first) = raw.models.first() else { return };
    let is_intended = flags.clone().all(|flag| flag.is_some());
    if !is_intended && !flags.any(|flag| flag.is_some_and(|flag| flag.value)) {
        cx.diagnostics
            .push(Code::SchemaReadOnly, first.key.at, "no session can write rows of any model")
            .help("make models `mutable`, or set `mutable` for all models of the schema");
    }
}

/// Returns whether the number is a non-negative integer that a double represents exactly.
pub(super) fn is_count(number: f64) -> bool {
    (0.0..9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0
}

/// Checks `column [ASC|DESC] [NULLS FIRST|LAST], …`.
fn check_order(cx: &mut Context<'_, '_>, model: usize, order_by: &Spanned<CowStr<'_>>) {
    for term in order_by.value.split(',') {
        let mut words = term.split_whitespace();
        let column = words.next().unwrap_or_default();
        let rest: Vec<String> = words.map(str::to_ascii_uppercase).collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let fits = matches!(
            rest.as_slice(),
            [] | ["ASC" | "DESC"]
                | ["NULLS", "FIRST" | "LAST"]
                | ["ASC" | "DESC", "NULLS", "FIRST" | "LAST"]
        );
        if column.is_empty() || !fits {
            let message = format!("invalid order `{}`", shown(term.trim()));
            cx.diagnostics
                .push(Code::HintBootstrapOrderBy, order_by.at, message)
                .help("list columns with an optional direction: `created_at DESC, id`");
            continue;
        }
        let known = cx.models[model].has_column(column)
            || cx.models[model].has_column(&default_column(column));
        if !known {
            let help = cx.suggest_column(model, column);
            let message =
                format!("no column `{}` on model `{}`", shown(column), cx.models[model].key());
            cx.diagnostics.push(Code::HintUnknownField, order_by.at, message).help =
                help.or_else(|| {
                    Some("`bootstrapOrderBy` names columns of the model's own table".to_owned())
                });
        }
    }
}

pub(super) fn check_persist(cx: &mut Context<'_, '_>) {
    for model in &cx.raw.models {
        let store = model.persist.as_ref().and_then(|persist| persist.value.store.as_ref());
        if let Some(store) = store.filter(|store| store.value.is_empty()) {
            cx.diagnostics
                .push(Code::HintPersistStore, store.at, "the store name of `persist` is empty")
                .help("name it, or remove it: the default is the typename");
        }
    }
}

pub(super) fn check_auto_fill(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for (at, model) in raw.models.iter().enumerate() {
        for fill in model.auto_fill.iter().flat_map(|fills| &fills.value) {
            let Some(field) = &fill.field else { continue };
            let Some(found) = cx.models[at].find(&field.value) else {
                unknown_field(cx, at, field, "`autoFill`");
                continue;
            };
            if let Some(kind) = found.kind().filter(|kind| *kind != RawKind::String) {
                let message = format!(
                    "field `{}` has type `{}` and cannot store an id",
                    field.value,
                    kind.as_str()
                );
                cx.diagnostics
                    .push(Code::HintAutoFillNotString, field.at, message)
                    .help("`autoFill` fills string fields with ids; make the field a string");
            }
        }
    }
}

pub(super) fn check_required_fields(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    for (at, model) in raw.models.iter().enumerate() {
        for field in model.required_fields.iter().flat_map(|fields| &fields.value) {
            if cx.models[at].find(&field.value).is_none() {
                unknown_field(cx, at, field, "`requiredFields`");
            }
        }
    }
}

fn unknown_field(cx: &mut Context<'_, '_>, model: usize, field: &Spanned<CowStr<'_>>, owner: &str) {
    let help = cx.suggest_field(model, &field.value);
    let message = format!(
        "no field `{}` on model `{}`, used in {owner}",
        shown(&field.value),
        cx.models[model].key()
    );
    cx.diagnostics.push(Code::HintUnknownField, field.at, message).help =
        help.or_else(|| Some("name a field of this model".to_owned()));
}
