//! Rules on tables and columns: names that databases accept unchanged, one column per field and one
//! table per model.

use super::context::{BASE_COLUMNS, BASE_FIELDS, Context, physical_column};
use super::names::shown;
use crate::diag::{Code, SpanId, Spanned};
use crate::lookup::Lookup;
use crate::raw::{RawField, RawKind, RawModel, RawTenancy};
use crate::schema::default_column;
use std::borrow::Cow;

/// PostgreSQL silently truncates longer identifiers.
const MAX_IDENTIFIER_BYTES: usize = 63;

/// The tables that coordinators and data sources keep beside those of the models.
pub const SERVICE_TABLES: [&str; 19] = [
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
];

/// The prefix of all other service tables, including future ones.
const SERVICE_PREFIX: &str = "ablo_";

/// The system columns of every PostgreSQL table.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Returns the length of [`default_column`] without allocating it.
fn default_length(field: &str) -> usize {
    field.len() + field.bytes().filter(u8::is_ascii_uppercase).count()
}

fn lower_case<'c>(column: &Cow<'c, str>) -> Cow<'c, str> {
    if column.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        return Cow::Owned(column.to_lowercase());
    }
    column.clone()
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
    let mut seen: Vec<(Cow<'_, str>, &RawField<'_>)> = Vec::with_capacity(model.fields.len());
    for field in &model.fields {
        let column = physical_column(field);
        let at = field.column.as_ref().map_or(field.name.at, |column| column.at);
        let is_base = BASE_FIELDS.iter().any(|(base, _)| *base == field.name.value);
        let folded = lower_case(&column);
        // A field may read the tenancy column under another name.
        let reads_tenancy = tenancy == Some(column.as_ref())
            && field.kind.is_none_or(|kind| kind.value == RawKind::String);
        let taken = BASE_COLUMNS.contains(&folded.as_ref())
            || tenancy.is_some_and(|tenancy| tenancy.eq_ignore_ascii_case(&column))
                && !reads_tenancy;
        if SYSTEM_COLUMNS.contains(&column.as_ref()) {
            let message = format!(
                "the column `{column}` of field `{}` is a system column of PostgreSQL",
                field.name.value
            );
            cx.diagnostics
                .push(Code::ColumnReserved, at, message)
                .help("give the field another column");
        }
        if taken && !(is_base && default_column(&field.name.value) == column) {
            let message = format!(
                "the column `{column}` of field `{}` belongs to a base field",
                field.name.value
            );
            cx.diagnostics
                .push(Code::ColumnRepeated, at, message)
                .help("give the field another column");
        } else {
            seen.push((folded, field));
        }
    }
    seen.sort_by(|(a, _), (b, _)| a.cmp(b));
    for pair in seen.windows(2) {
        let [(a, first), (b, second)] = pair else { continue };
        // Duplicate fields have been reported.
        if a == b && first.name.value != second.name.value {
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
