//! Rules on facets: whether a field of its type can have them.
//!
//! Defaults and shapes have modules of their own.

use super::context::{BASE_FIELDS, Context, is_column_of};
use super::names::{is_field_name, shown};
use crate::diag::{Code, SpanId};
use crate::lookup::Lookup;
use crate::raw::{RawField, RawKind, RawModel, RawTenancy};
use crate::schema::{Format, RelationKind, derived_number};
use std::collections::BTreeSet;

/// The maximum number of digits of a decimal, as in PostgreSQL.
const MAX_DIGITS: f64 = 1000.0;

/// Returns the format of a field with the digits of a decimal, or `None` if the format is unknown
/// or the digits are invalid.
pub(super) fn format_of(field: &RawField<'_>) -> Option<Format> {
    match Format::find(&field.format.as_ref()?.value)? {
        Format::Decimal { .. } => match (&field.precision, &field.scale) {
            (Some(precision), Some(scale)) => {
                let (precision, scale) = (digits(precision.value, 1.0)?, digits(scale.value, 0.0)?);
                (scale <= precision).then_some(Format::Decimal { digits: Some((precision, scale)) })
            }
            (None, None) => Some(Format::Decimal { digits: None }),
            _ => None,
        },
        other => Some(other),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and at most a thousand"
)]
fn digits(number: f64, min: f64) -> Option<u16> {
    ((min..=MAX_DIGITS).contains(&number) && number.fract() == 0.0).then_some(number as u16)
}

/// Converts a declared field number, if it is valid.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and at most 65535"
)]
pub(super) fn chosen_number(number: f64) -> Option<u32> {
    ((1.0..=65535.0).contains(&number) && number.fract() == 0.0).then_some(number as u32)
}

fn fields<'r>(cx: &Context<'r, '_>) -> impl Iterator<Item = &'r RawField<'r>> + use<'r> {
    cx.raw.models.iter().flat_map(|model| &model.fields)
}

pub(super) fn check_formats(cx: &mut Context<'_, '_>) {
    for field in fields(cx) {
        check_digits(cx, field);
        let Some(word) = &field.format else { continue };
        let Some(format) = Format::find(&word.value) else {
            let help =
                cx.suggest.nearest(&word.value, Format::ALL.iter().map(|format| format.as_str()));
            let help = help.map_or_else(
                || format!("it is kept and has no effect; the known formats are {}", all_formats()),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("unknown format `{}`", shown(&word.value));
            cx.diagnostics.push(Code::FacetUnknownFormat, word.at, message).help(help);
            continue;
        };
        let wanted = if format.is_number() { RawKind::Number } else { RawKind::String };
        let Some(kind) = field.kind.filter(|kind| kind.value != wanted) else { continue };
        let message = format!(
            "`{}` is a format of {}s, but field `{}` has type `{}`",
            word.value,
            wanted.as_str(),
            field.name.value,
            kind.value.as_str()
        );
        let help = match format {
            Format::Int64 | Format::Uint64 | Format::Decimal { .. } => {
                "make the field a string: these numbers are strings of digits in JSON, so that \
                 parsers do not round them"
            }
            Format::Uuid => "make the field a string, or remove the format",
            _ => "make the field a number, or remove the format",
        };
        cx.diagnostics.push(Code::FacetFormatOnOtherType, word.at, message).help(help);
    }
}

fn all_formats() -> String {
    let words: Vec<String> =
        Format::ALL.iter().map(|format| format!("`{}`", format.as_str())).collect();
    words.join(", ")
}

fn check_digits(cx: &mut Context<'_, '_>, field: &RawField<'_>) {
    let Some(first) = field.precision.as_ref().or(field.scale.as_ref()) else { return };
    let is_decimal = field.format.as_ref().is_some_and(|word| word.value == "decimal");
    let (at, message) = match (&field.precision, &field.scale) {
        _ if !is_decimal => (
            first.at,
            format!("field `{}` has a precision or scale but is not a `decimal`", field.name.value),
        ),
        (Some(precision), _) if digits(precision.value, 1.0).is_none() => {
            (precision.at, format!("invalid `precision` {}", precision.value))
        }
        (_, Some(scale)) if digits(scale.value, 0.0).is_none() => {
            (scale.at, format!("invalid `scale` {}", scale.value))
        }
        (Some(precision), Some(scale)) if scale.value > precision.value => {
            let (all, behind) = (precision.value, scale.value);
            (scale.at, format!("the `scale` {behind} is greater than the `precision` {all}"))
        }
        (Some(_), Some(_)) => return,
        (has_precision, _) => {
            let (has, lacks) = if has_precision.is_some() {
                ("precision", "scale")
            } else {
                ("scale", "precision")
            };
            (first.at, format!("field `{}` has a `{has}` but no `{lacks}`", field.name.value))
        }
    };
    let help = if is_decimal {
        "set both or neither: a precision from 1 to 1000, and a scale from 0 to the precision"
    } else {
        "only decimals have them: make the field a string with the format `decimal`, or remove them"
    };
    cx.diagnostics.push(Code::FacetDigits, at, message).help(help);
}

/// Ids are plain text, and so are all columns that store an id or are compared with one.
pub(super) fn check_keys(cx: &mut Context<'_, '_>) {
    let raw = cx.raw;
    // A key shared by several relations is reported once.
    let mut reported = BTreeSet::new();
    for (at, model) in raw.models.iter().enumerate() {
        for relation in &model.relations {
            let owner = match relation.kind.map(|kind| kind.value) {
                Some(RelationKind::BelongsTo) => Some(at),
                Some(RelationKind::HasMany | RelationKind::HasOne) => cx.target_of(relation),
                None => None,
            };
            let (Some(owner), Some(key)) = (owner, &relation.foreign_key) else { continue };
            let holds = |field: &RawField<'_>| field.name.value == key.value;
            report_keys(cx, owner, holds, relation.name.at, &mut reported);
        }
        for filled in model
            .auto_fill
            .iter()
            .flat_map(|fills| &fills.value)
            .filter_map(|fill| fill.field.as_ref())
        {
            report_keys(cx, at, |field| field.name.value == filled.value, filled.at, &mut reported);
        }
        let Some(RawTenancy::Parent { local_key, parent_table, parent_key, parent_org_column }) =
            model.tenancy.as_ref().map(|tenancy| &tenancy.value)
        else {
            continue;
        };
        report_keys(
            cx,
            at,
            |field| is_column_of(field, &local_key.value),
            local_key.at,
            &mut reported,
        );
        let Some(parent) = cx.index_of_table(&parent_table.value) else { continue };
        for column in parent_key.iter().chain(parent_org_column) {
            report_keys(
                cx,
                parent,
                |field| is_column_of(field, &column.value),
                column.at,
                &mut reported,
            );
        }
    }
}

fn report_keys(
    cx: &mut Context<'_, '_>,
    model: usize,
    holds_id: impl Fn(&RawField<'_>) -> bool,
    because: SpanId,
    reported: &mut BTreeSet<SpanId>,
) {
    for field in cx.raw.models[model].fields.iter().filter(|field| holds_id(field)) {
        if let Some(relative) = field.relative.as_ref()
            && reported.insert(relative.at)
        {
            let message = format!(
                "field `{}` stores an id and cannot have relative operations",
                field.name.value
            );
            cx.diagnostics
                .push(Code::FacetRelativeOnKey, relative.at, message)
                .help("remove `relative`")
                .also(because, "used as a key here");
        }
        let Some(format) = field.format.as_ref().filter(|word| Format::find(&word.value).is_some())
        else {
            continue;
        };
        if reported.insert(format.at) {
            let message = format!(
                "field `{}` stores an id and cannot have the format `{}`",
                field.name.value, format.value
            );
            cx.diagnostics
                .push(Code::FacetFormatOnKey, format.at, message)
                .help("remove the format; `columnType` sets the type of a column of ids")
                .also(because, "used as a key here");
        }
    }
}

pub(super) fn check_unique(cx: &mut Context<'_, '_>) {
    for field in fields(cx) {
        let Some(unique) = field.unique.filter(|unique| unique.value) else { continue };
        match field.kind.map(|kind| kind.value) {
            Some(RawKind::Json) => {
                let message = format!("field `{}` is JSON and cannot be unique", field.name.value);
                cx.diagnostics.push(Code::FacetUniqueOnJson, unique.at, message).help(
                    "databases disagree on when two documents are equal; move the relevant \
                        part to a field of its own",
                );
            }
            // An optional boolean can mark one row with `true`, because absent values are not
            // compared.
            Some(RawKind::Boolean) if field.optional.is_some_and(|optional| !optional.value) => {
                let message = format!(
                    "unique boolean `{}` allows at most two rows per organisation",
                    field.name.value
                );
                cx.diagnostics.push(Code::FacetUniqueOnBoolean, unique.at, message).help(
                    "remove `unique`, or make the field optional to mark one row with `true`",
                );
            }
            _ => {}
        }
    }
}

/// Checks base fields, and fields that read the tenancy column under another name.
pub(super) fn check_base_fields(cx: &mut Context<'_, '_>) {
    for at in 0..cx.models.len() {
        let tenancy = cx.models[at].tenancy_column();
        for field in &cx.models[at].raw.fields {
            let is_base = BASE_FIELDS.iter().any(|(base, _)| *base == field.name.value);
            if !is_base && !tenancy.is_some_and(|column| is_column_of(field, column)) {
                continue;
            }
            let known = field.format.as_ref().filter(|word| Format::find(&word.value).is_some());
            let facets = [
                ("a format", known.map(|format| format.at)),
                ("a default", field.default.as_ref().map(|default| default.at)),
                ("`unique`", field.unique.filter(|unique| unique.value).map(|unique| unique.at)),
                ("`relative`", field.relative.as_ref().map(|words| words.at)),
                (
                    "`renamedFrom`",
                    field.renamed_from.as_ref().filter(|_| is_base).map(|name| name.at),
                ),
            ];
            for (what, span) in facets {
                let Some(span) = span else { continue };
                let message =
                    format!("the server fills `{}`, which cannot have {what}", field.name.value);
                cx.diagnostics
                    .push(Code::FacetOnBaseField, span, message)
                    .help("remove it, or declare a field of your own");
            }
        }
    }
}

pub(super) fn check_renames(cx: &mut Context<'_, '_>) {
    for at in 0..cx.models.len() {
        let mut seen: Lookup<&str, SpanId> = Lookup::with_capacity(0);
        for field in &cx.models[at].raw.fields {
            let Some(old) = &field.renamed_from else { continue };
            let (name, shown_old) = (&field.name.value, shown(&old.value));
            if old.value == *name {
                let message = format!("field `{name}` is renamed from itself");
                cx.diagnostics
                    .push(Code::FacetRenamedFromExists, old.at, message)
                    .help("use the previous name, or remove `renamedFrom`");
            } else if cx.models[at].find(&old.value).is_some() {
                let message =
                    format!("field `{name}` is renamed from `{shown_old}`, which still exists");
                let still =
                    cx.models[at].raw.fields.iter().find(|field| field.name.value == old.value);
                let diagnostic = cx.diagnostics.push(Code::FacetRenamedFromExists, old.at, message);
                diagnostic.help("remove `renamedFrom`, or the previous field");
                if let Some(still) = still {
                    diagnostic.also(still.name.at, "the existing field");
                }
            } else if !is_field_name(&old.value) {
                let message = format!("`{shown_old}` is not a valid field name");
                cx.diagnostics.push(Code::FacetRenamedFromInvalid, old.at, message).help(
                    "use the previous name of the field in camelCase, not the name of its column",
                );
            } else if let Some(first) = seen.insert(&old.value, old.at) {
                let message = format!("two fields are renamed from `{shown_old}`");
                cx.diagnostics
                    .push(Code::FacetRenamedFromRepeated, old.at, message)
                    .help(
                        "only one field can take over the values; remove `renamedFrom` from the \
                        other",
                    )
                    .also(first, "first used here");
            }
        }
    }
}

/// A field with its number in the binary form.
struct Numbered<'r> {
    number: u32,
    /// The oldest known name, from which the number is derived.
    oldest: &'r str,
    chosen: bool,
    field: Option<&'r RawField<'r>>,
}

pub(super) fn check_numbers(cx: &mut Context<'_, '_>) {
    let mut numbers: Vec<u32> = Vec::new();
    for model in &cx.raw.models {
        for number in model.fields.iter().filter_map(|field| field.number) {
            if chosen_number(number.value).is_none() {
                let message = format!("invalid field number {}", number.value);
                cx.diagnostics
                    .push(Code::FacetNumberOutOfRange, number.at, message)
                    .help("use a whole number from 1 to 65535, or remove it");
            }
        }
        numbers.clear();
        numbers.extend(numbered(model).map(|numbered| numbered.number));
        numbers.sort_unstable();
        if numbers.windows(2).all(|pair| pair[0] != pair[1]) {
            continue;
        }
        let mut all: Vec<Numbered<'_>> = numbered(model).collect();
        all.sort_by_key(|numbered| numbered.number);
        for pair in all.windows(2) {
            let [first, second] = pair else { continue };
            // Duplicate field names and duplicate `renamedFrom`s have been reported.
            if first.number == second.number && (first.chosen || first.oldest != second.oldest) {
                report_number(cx, first, second);
            }
        }
    }
}

fn numbered<'r>(model: &'r RawModel<'r>) -> impl Iterator<Item = Numbered<'r>> {
    let declared = model.fields.iter().map(|field| {
        let oldest = field.renamed_from.as_ref().map_or(&*field.name.value, |old| &*old.value);
        let chosen = field.number.and_then(|number| chosen_number(number.value));
        let number = chosen.unwrap_or_else(|| derived_number(oldest));
        Numbered { number, oldest, chosen: chosen.is_some(), field: Some(field) }
    });
    let base = BASE_FIELDS
        .iter()
        .filter(|(base, _)| model.fields.iter().all(|field| field.name.value != *base));
    let base = base.map(|(name, _)| Numbered {
        number: derived_number(name),
        oldest: name,
        chosen: false,
        field: None,
    });
    declared.chain(base)
}

fn report_number(cx: &mut Context<'_, '_>, first: &Numbered<'_>, second: &Numbered<'_>) {
    let span = |field: &RawField<'_>| field.number.map_or(field.name.at, |number| number.at);
    // Report the declared field: an implicit base field has no span.
    let (reported, other) = match (first.field, second.field) {
        (Some(first), Some(second)) if span(first) > span(second) => (first, Some(second)),
        (first, Some(second)) => (second, first),
        (Some(first), None) => (first, None),
        (None, None) => return,
    };
    let message = if second.chosen {
        format!("two fields have the number {}", second.number)
    } else {
        format!(
            "`{}` and `{}` have the same number in the binary form",
            first.oldest, second.oldest
        )
    };
    let diagnostic = cx.diagnostics.push(Code::FacetNumberRepeated, span(reported), message);
    diagnostic.help("give one of them a `number` from 1 to 65535");
    if let Some(other) = other {
        diagnostic.also(span(other), "the other field");
    }
}
