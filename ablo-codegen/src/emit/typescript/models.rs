//! Emits `models.ts`: the types of rows, creates and patches.
//!
//! Each model has three interfaces and one type per enum. They are written in full, without
//! computed types that the compiler would have to instantiate. A member that may be absent has `?`,
//! one that may be null has `| null`. Enums are closed in what programs write, and open in rows.

use super::ast::Type;
use super::form::Form;
use super::literal::{Key, Prose};
use super::name::{Ident, ModelNames, enum_fields, shaped_fields};
use super::wire;
use super::writer::{Code, Writer, block, line};
use crate::shape::{BaseField, BaseKind, BaseShape, FieldShape, Preset, RowShape, tree};
use ablo_schema::schema::{Field, FieldKind, Format};

/// Returns the text of the file.
pub(super) fn models(form: Form, rows: &[RowShape<'_>], names: &[ModelNames]) -> String {
    let fields: usize = rows.iter().map(|row| 5 + row.fields.len()).sum();
    let mut w = Writer::file(
        form,
        1024 + rows.len() * 640 + fields * 110,
        "Rows of the schema's models, with their create and patch types.",
    );
    for line in SHARED {
        line!(w, *line);
    }
    for (row, names) in rows.iter().zip(names) {
        write_enums(&mut w, row, names);
        write_shapes(&mut w, row, names);
        write_row(&mut w, row, names);
        write_create(&mut w, row, names);
        write_patch(&mut w, row, names);
        if let Some(name) = &names.relative {
            write_relative(&mut w, row, names, name);
        }
    }
    w.finish()
}

const SHARED: &[&str] = &[
    "/** A point in time as ISO 8601 text in UTC, `2026-06-01T08:00:00.000Z`. */",
    "export type Timestamp = string;",
    "",
    "/** Any JSON value. */",
    "export type JsonValue = string | number | boolean | null | JsonValue[] | \
     { [key: string]: JsonValue };",
];

// /** The values of `weatherReports.status`. Rows may have others, from newer writers. */
// export type WeatherReportStatus = "pending" | "ready";
fn write_enums(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    for (shape, name) in enum_fields(row).zip(&names.enums) {
        let FieldKind::Enum(values) = &shape.field.kind else { continue };
        let known = Type::union(values.iter().map(|value| Type::Literal((&**value).into())));
        w.gap();
        let (key, field) =
            (Prose::inline(row.model.key.as_str()), Prose::inline(shape.field.name.as_str()));
        line!(
            w,
            "/** The values of `",
            key,
            ".",
            field,
            "`. Rows may have others, from newer writers. */"
        );
        line!(w, "export type ", name, " = ", known, ";");
    }
}

// /** The value of `weatherReports.sources`. */
// export type WeatherReportSources = { station: string }[];
fn write_shapes(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    for (shape, name) in shaped_fields(row).zip(&names.shapes) {
        let Some(schema) = shape.field.facets.shape.as_ref().map(tree) else { continue };
        w.gap();
        let (key, field) =
            (Prose::inline(row.model.key.as_str()), Prose::inline(shape.field.name.as_str()));
        line!(w, "/** The value of `", key, ".", field, "`. */");
        line!(w, "export type ", name, " = ", wire::lower(&schema).or_json(), ";");
    }
}

// /** A row of `weatherReports`, from table `weather_reports`. */
// export interface WeatherReport {
//   id: string;
//   status: WeatherReportStatus | (string & {});
//   forecast?: string | null;
// }
fn write_row(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    w.gap();
    let (key, table) =
        (Prose::inline(row.model.key.as_str()), Prose::inline(row.model.table.as_str()));
    let access = if row.model.mutable { "" } else { " Read-only for clients." };
    line!(w, "/** A row of `", key, "`, from table `", table, "`.", access, " */");
    block!(w, ["export interface ", names.row, " {"], ["}"], |w: &mut Writer| {
        row.base.iter().for_each(|base| write_base(w, base));
        each_field(row, names, |shape, value| {
            write_doc(w, shape.field, None);
            let value = match shape.field.kind {
                FieldKind::Enum(_) => Type::Union(vec![value, Type::OpenString]),
                _ => value,
            };
            write_member(
                w,
                shape.field.name.as_str(),
                shape.field.optional,
                value,
                shape.field.optional,
            );
        });
    });
}

// export interface WeatherReportCreate {
//   id?: string;
//   forecast?: string | null;
// }
fn write_create(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    w.gap();
    line!(w, "/** The data of a new {@link ", names.row, "}. */");
    block!(w, ["export interface ", names.create, " {"], ["}"], |w: &mut Writer| {
        line!(w, "/** The id of the new row. Default: a random id. */");
        line!(w, Key(BaseField::Id.name()), "?: string;");
        each_field(row, names, |shape, value| {
            write_doc(w, shape.field, Preset::of(shape.field));
            write_member(
                w,
                shape.field.name.as_str(),
                shape.create_optional,
                value,
                shape.field.optional,
            );
        });
    });
}

// export interface WeatherReportPatch {
//   location?: string;
//   forecast?: string | null;
// }
fn write_patch(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    w.gap();
    line!(
        w,
        "/** A change of a {@link ",
        names.row,
        "}: absent members keep their value, null clears it. */"
    );
    if row.fields.is_empty() {
        // An interface without members would accept any value.
        return line!(w, "export type ", names.patch, " = { [name: string]: never };");
    }
    block!(w, ["export interface ", names.patch, " {"], ["}"], |w: &mut Writer| {
        each_field(row, names, |shape, value| {
            write_doc(w, shape.field, None);
            write_member(w, shape.field.name.as_str(), true, value, shape.clearable);
        });
    });
}

// export interface WeatherReportRelative {
//   views?: { increment: number };
// }
fn write_relative(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames, name: &Ident) {
    w.gap();
    line!(w, "/** Changes of a {@link ", names.row, "} that start from the current values. */");
    block!(w, ["export interface ", name, " {"], ["}"], |w: &mut Writer| {
        each_field(row, names, |shape, value| {
            let operations = &shape.field.facets.relative;
            if operations.is_empty() {
                return;
            }
            write_doc(w, shape.field, None);
            // Lists are changed by lists of their own type.
            let untyped = shape.field.kind == FieldKind::Json && shape.field.facets.shape.is_none();
            let value = if untyped { Type::Keyword("JsonValue[]") } else { value };
            w.begin_line();
            Key(shape.field.name.as_str()).code(w);
            for (at, operation) in operations.iter().enumerate() {
                w.push(if at == 0 { "?: { " } else { " | { " });
                w.push(operation.as_str());
                w.push(": ");
                value.clone().code(w);
                w.push(" }");
            }
            w.push(";");
            w.end_line();
        });
    });
}

fn each_field(
    row: &RowShape<'_>,
    names: &ModelNames,
    mut write: impl FnMut(&FieldShape<'_>, Type<'_>),
) {
    let (mut enums, mut shapes) = (names.enums.iter(), names.shapes.iter());
    for shape in &row.fields {
        let facets = &shape.field.facets;
        let value = match shape.field.kind {
            FieldKind::String => facets.format.map_or(Type::STRING, string_type),
            FieldKind::Number => Type::NUMBER,
            FieldKind::Boolean => Type::BOOLEAN,
            FieldKind::Date => TIMESTAMP,
            FieldKind::Json if facets.shape.is_some() => {
                shapes.next().cloned().map_or(Type::JSON, Type::Name)
            }
            FieldKind::Json => Type::JSON,
            FieldKind::Enum(_) => enums.next().cloned().map_or(Type::STRING, Type::Name),
        };
        write(shape, value);
    }
}

/// Returns the type of a formatted string. Numbers beyond the precision of `number` are digits in
/// text, which `BigInt` accepts.
fn string_type(format: Format) -> Type<'static> {
    match format {
        Format::Int64 | Format::Uint64 => Type::Keyword("`${bigint}`"),
        Format::Decimal { .. } => Type::Keyword("`${number}`"),
        _ => Type::STRING,
    }
}

const TIMESTAMP: Type<'static> = Type::Keyword("Timestamp");

fn write_base(w: &mut Writer, shape: &BaseShape<'_>) {
    let value = match shape.base.kind() {
        BaseKind::Id | BaseKind::String => Type::STRING,
        BaseKind::Date => TIMESTAMP,
    };
    if let Some(field) = shape.declared {
        write_doc(w, field, None);
    }
    // The coordinator sets both: a row that is not confirmed yet lacks them.
    let is_set = matches!(shape.base, BaseField::OrganizationId | BaseField::CreatedBy);
    write_member(w, shape.base.name(), shape.optional || is_set, value, shape.optional);
}

fn write_member(w: &mut Writer, name: &str, optional: bool, value: Type<'_>, nullable: bool) {
    let (colon, end) =
        (if optional { "?: " } else { ": " }, if nullable { " | null;" } else { ";" });
    line!(w, Key(name), colon, value, end);
}

fn write_doc(w: &mut Writer, field: &Field, preset: Option<Preset<'_>>) {
    let facets = &field.facets;
    let text = facets.description.as_deref().unwrap_or_default();
    if facets.deprecated.is_none() && preset.is_none() {
        return w.doc(Prose::lines(text));
    }
    let deprecated =
        facets.deprecated.as_ref().map(|deprecated| deprecated.note.as_deref().unwrap_or_default());
    let deprecated = deprecated.map_or_else(String::new, |note| format!("@deprecated {note}"));
    let preset = match preset {
        Some(Preset::Now) => "@defaultValue the time of the write".to_owned(),
        Some(Preset::Value(value)) => format!("@defaultValue {}", value.to_json()),
        None => String::new(),
    };
    w.doc(Prose::lines(text).chain(Prose::lines(&preset)).chain(Prose::lines(&deprecated)));
}
