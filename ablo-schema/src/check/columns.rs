//! Rules on tables and columns: names that databases accept unchanged, one column per field and one
//! table per model.

use super::context::{BASE_COLUMNS, BASE_FIELDS, Context, is_column_of, physical_column};
use super::names::shown;
use crate::diag::{Code, SpanId, Spanned};
use crate::lookup::Lookup;
use crate::raw::{RawField, RawKind, RawModel, RawTenancy};
use crate::schema::{default_column, is_default_column};
use std::borrow::Cow;

/// PostgreSQL silently truncates longer identifiers.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// The tables that coordinators and data sources keep beside those of the models.
pub const SERVICE_TABLES: [&str; 21] = [
    "ablo_layouts",
    "sync_deltas",
    "ablo_logs",
    "ablo_log_values",
    "ablo_bootstraps",
    "ablo_idempotency",
    "ablo_outbox",
    "ablo_claims",
    "ablo_commits",
    "ablo_receipts",
    "ablo_operations",
    "ablo_capabilities",
    "ablo_turns",
    "ablo_sessions",
    "ablo_sources",
    "ablo_source_commits",
    "ablo_source_events",
    "ablo_webhook_endpoints",
    "ablo_webhook_letters",
    "ablo_captured",
    "ablo_reloads",
];

/// The prefix of all other service tables, including future ones.
const SERVICE_PREFIX: &str = "ablo_";

/// The system columns of every PostgreSQL table.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Returns the length of [`default_column`] without allocating it.
fn default_length(field: &str) -> usize {
    field.len() + field.bytes().filter(u8::is_ascii_uppercase).count()
}

pub(super) fn check_tables(cx: &mut Context<'_, '_>) {
    let mut seen: Lookup<String, SpanId> = Lookup::with_capacity(cx.models.len());
    for model in &cx.models {
        let table = model.table();
        let at = model.raw.table_name.as_ref().map_or(model.raw.key.at, |table| table.at);
        if table.is_empty() || table.contains('\0') {
            cx.diagnostics
                .push(Code::TableInvalid, at, format!("invalid table name `{}`", shown(table)))
                .help("use at least one character and no NUL");
        } else if table.len() > MAX_IDENTIFIER_BYTES {
            let message = format!(
                "table name `{}` has {} bytes; the limit is {MAX_IDENTIFIER_BYTES}",
                shown(table),
                table.len()
            );
            cx.diagnostics
                .push(Code::TableTooLong, at, message)
                .help("choose a shorter table name");
        }
        if SERVICE_TABLES.contains(&table) || table.starts_with(SERVICE_PREFIX) {
            let message = format!("table name `{}` is reserved for the service", shown(table));
            cx.diagnostics.push(Code::TableReserved, at, message).help(
                "choose another table name; both tables would be in the same database schema",
            );
        }
        if table.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_")) {
            let message = format!(
                "table name `{}` has the prefix `sqlite_`, which SQLite reserves",
                shown(table)
            );
            cx.diagnostics
                .push(Code::TableReserved, at, message)
                .help("choose another table name if the schema will ever be stored in SQLite");
        }
        if let Some(first) = seen.insert(table.to_lowercase(), at) {
            let message = format!("two models use the table `{}`", shown(table));
            cx.diagnostics
                .push(Code::TableRepeated, at, message)
                .help("give one of them another table name; SQLite ignores case")
                .also(first, "first used here");
        }
    }
}

pub(super) fn check_columns(cx: &mut Context<'_, '_>) {
    for model in &cx.raw.models {
        check_tenancy_columns(cx, model);
        for field in &model.fields {
            if let Some(column) = &field.column {
                check_column(cx, column);
            } else if default_length(&field.name.value) > MAX_IDENTIFIER_BYTES
                && field.name.value.len() <= 200
            {
                let message = format!(
                    "the default column of `{}` is longer than {MAX_IDENTIFIER_BYTES} bytes",
                    field.name.value
                );
                cx.diagnostics
                    .push(Code::ColumnTooLong, field.name.at, message)
                    .help("set a shorter `column`; the field can keep its name");
            }
        }
        check_repeated_columns(cx, model);
    }
}

fn check_tenancy_columns(cx: &mut Context<'_, '_>, model: &RawModel<'_>) {
    match model.tenancy.as_ref().map(|tenancy| &tenancy.value) {
        Some(RawTenancy::Column { column }) => check_column(cx, column),
        Some(RawTenancy::Parent { local_key, parent_key, parent_org_column, .. }) => {
            check_column(cx, local_key);
            parent_key.iter().chain(parent_org_column).for_each(|column| check_column(cx, column));
        }
        Some(RawTenancy::None) | None => {}
    }
}

fn check_column(cx: &mut Context<'_, '_>, column: &Spanned<Cow<'_, str>>) {
    let name = column.value.as_ref();
    let fits = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !fits {
        cx.diagnostics
            .push(Code::ColumnInvalid, column.at, format!("invalid column name `{}`", shown(name)))
            .help("use a letter or `_` followed by ASCII letters, digits and `_`");
    } else if name.len() > MAX_IDENTIFIER_BYTES {
        let message = format!(
            "column name `{}` has {} bytes; the limit is {MAX_IDENTIFIER_BYTES}",
            shown(name),
            name.len()
        );
        cx.diagnostics
            .push(Code::ColumnTooLong, column.at, message)
            .help("databases would truncate it; choose a shorter name");
    }
}

fn check_repeated_columns(cx: &mut Context<'_, '_>, model: &RawModel<'_>) {
    let tenancy = match model.tenancy.as_ref().map(|tenancy| &tenancy.value) {
        None => Some(super::context::DEFAULT_TENANCY_COLUMN),
        Some(RawTenancy::Column { column }) => Some(column.value.as_ref()),
        Some(RawTenancy::Parent { .. } | RawTenancy::None) => None,
    };
    let folded_tenancy = tenancy.map(str::to_ascii_lowercase);
    let mut seen: Vec<(u32, &RawField<'_>)> = Vec::with_capacity(model.fields.len());
    for field in &model.fields {
        let at = field.column.as_ref().map_or(field.name.at, |column| column.at);
        let is_base = BASE_FIELDS.iter().any(|(base, _)| *base == field.name.value);
        // A field may read the tenancy column under another name.
        let reads_tenancy = tenancy.is_some_and(|tenancy| is_column_of(field, tenancy))
            && field.kind.is_none_or(|kind| kind.value == RawKind::String);
        let taken = BASE_COLUMNS.iter().any(|base| folds_to(field, base))
            || folded_tenancy.as_deref().is_some_and(|tenancy| folds_to(field, tenancy))
                && !reads_tenancy;
        if SYSTEM_COLUMNS.iter().any(|column| is_column_of(field, column)) {
            let message = format!(
                "the column `{}` of field `{}` is a system column of PostgreSQL",
                physical_column(field),
                field.name.value
            );
            cx.diagnostics
                .push(Code::ColumnReserved, at, message)
                .help("give the field another column");
        }
        let has_default = || is_column_of(field, &default_column(&field.name.value));
        if taken && !(is_base && has_default()) {
            let message = format!(
                "the column `{}` of field `{}` belongs to a base field",
                physical_column(field),
                field.name.value
            );
            cx.diagnostics
                .push(Code::ColumnRepeated, at, message)
                .help("give the field another column");
        } else {
            seen.push((folded_hash(field), field));
        }
    }
    report_equal_columns(cx, seen);
}

/// Returns whether the column of a field is this one, which is in lower case, without regard to
/// case: SQLite compares columns so.
fn folds_to(field: &RawField<'_>, column: &str) -> bool {
    match &field.column {
        Some(own) => own.value.eq_ignore_ascii_case(column),
        None => is_default_column(&field.name.value, column),
    }
}

/// Returns a hash of the column of a field without regard to case.
fn folded_hash(field: &RawField<'_>) -> u32 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    match &field.column {
        Some(own) => own.value.bytes().fold(0, |hash, byte| mix(hash, byte.to_ascii_lowercase())),
        None => field.name.value.bytes().fold(0, |hash, byte| {
            let hash = if byte.is_ascii_uppercase() { mix(hash, b'_') } else { hash };
            mix(hash, byte.to_ascii_lowercase())
        }),
    }
}

/// Reports the fields with the same column, each with its hash.
fn report_equal_columns(cx: &mut Context<'_, '_>, mut fields: Vec<(u32, &RawField<'_>)>) {
    let folded = |field: &RawField<'_>| physical_column(field).to_ascii_lowercase();
    fields.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| folded(a).cmp(&folded(b))));
    for pair in fields.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        // Duplicate fields have been reported.
        if one == other && folded(first) == folded(second) && first.name.value != second.name.value
        {
            report_shared_column(cx, first, second);
        }
    }
}

fn report_shared_column(cx: &mut Context<'_, '_>, first: &RawField<'_>, second: &RawField<'_>) {
    let (column, at) = (
        physical_column(second),
        second.column.as_ref().map_or(second.name.at, |column| column.at),
    );
    let message = format!(
        "fields `{}` and `{}` have the same column `{column}`",
        first.name.value, second.name.value
    );
    cx.diagnostics
        .push(Code::ColumnRepeated, at, message)
        .help("give one of them another column; SQLite ignores case")
        .also(first.name.at, "the other field");
}

pub(super) fn check_base_fields(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let Some((name, wanted)) = BASE_FIELDS.iter().find(|(base, _)| *base == field.name.value)
        else {
            continue;
        };
        if let Some(kind) = field.kind.filter(|kind| kind.value != *wanted) {
            let message = format!(
                "base field `{name}` has type `{}`, not `{}`",
                wanted.as_str(),
                kind.value.as_str()
            );
            cx.diagnostics
                .push(Code::FieldReservedType, kind.at, message)
                .help(format!("rename the field, or declare it as `{}`", wanted.as_str()));
        }
    }
}
