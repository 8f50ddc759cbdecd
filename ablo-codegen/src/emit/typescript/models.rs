//! Emits `models.ts`: the types of rows, creates and patches.
//!
//! Each model has three interfaces and one type per enum. They are written in full, without
//! computed types that the compiler would have to instantiate. A member that may be absent has `?`,
//! one that may be null has `| null`. Enums are closed in what programs write, and open in rows.

use super::ast::Type;
use super::form::Form;
use super::json_schema;
use super::literal::{Key, Prose};
use super::name::{Ident, ModelNames, enum_fields, shaped_fields};
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
        let types = types(row, names);
        let fields = || row.fields.iter().zip(&types);
        write_row(&mut w, row, &names.row, fields());
        write_create(&mut w, names, fields());
        write_patch(&mut w, names, fields());
        if let Some(name) = &names.relative {
            write_relative(&mut w, &names.row, name, fields());
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
        line!(w, "export type ", name, " = ", json_schema::lower(&schema).or_json(), ";");
    }
}

// /** A row of `weatherReports`, from table `weather_reports`. */
// export interface WeatherReport {
//   id: string;
//   status: WeatherReportStatus | (string & {});
//   forecast?: string | null;
// }
fn write_row<'t>(w: &mut Writer, row: &RowShape<'_>, name: &Ident, fields: impl Fields<'t>) {
    w.gap();
    let (key, table) =
        (Prose::inline(row.model.key.as_str()), Prose::inline(row.model.table.as_str()));
    let access = if row.model.mutable { "" } else { " Read-only for clients." };
    line!(w, "/** A row of `", key, "`, from table `", table, "`.", access, " */");
    block!(w, ["export interface ", name, " {"], ["}"], |w: &mut Writer| {
        row.base.iter().for_each(|base| write_base(w, base));
        for (FieldShape { field, .. }, value) in fields {
            write_doc(w, field, None);
            let end = match (&field.kind, field.optional) {
                (FieldKind::Enum(_), true) => " | (string & {}) | null;",
                (FieldKind::Enum(_), false) => " | (string & {});",
                (_, nullable) => end(nullable),
            };
            line!(w, field.name, colon(field.optional), value, end);
        }
    });
}

// export interface WeatherReportCreate {
//   id?: string;
//   forecast?: string | null;
// }
fn write_create<'t>(w: &mut Writer, names: &ModelNames, fields: impl Fields<'t>) {
    w.gap();
    line!(w, "/** The data of a new {@link ", names.row, "}. */");
    block!(w, ["export interface ", names.create, " {"], ["}"], |w: &mut Writer| {
        line!(w, "/** The id of the new row. Default: a random id. */");
        line!(w, Key(BaseField::Id.name()), "?: string;");
        for (FieldShape { field, create_optional, .. }, value) in fields {
            write_doc(w, field, Preset::of(field));
            line!(w, field.name, colon(*create_optional), value, end(field.optional));
        }
    });
}

// export interface WeatherReportPatch {
//   location?: string;
//   forecast?: string | null;
// }
fn write_patch<'t>(w: &mut Writer, names: &ModelNames, fields: impl Fields<'t>) {
    w.gap();
    line!(
        w,
        "/** A change of a {@link ",
        names.row,
        "}: absent members keep their value, null clears it. */"
    );
    if fields.len() == 0 {
        // An interface without members would accept any value.
        return line!(w, "export type ", names.patch, " = { [name: string]: never };");
    }
    block!(w, ["export interface ", names.patch, " {"], ["}"], |w: &mut Writer| {
        for (FieldShape { field, clearable, .. }, value) in fields {
            write_doc(w, field, None);
            line!(w, field.name, "?: ", value, end(*clearable));
        }
    });
}

// export interface WeatherReportRelative {
//   views?: { increment: number };
// }
fn write_relative<'t>(w: &mut Writer, row: &Ident, name: &Ident, fields: impl Fields<'t>) {
    w.gap();
    line!(w, "/** Changes of a {@link ", row, "} that start from the current values. */");
    block!(w, ["export interface ", name, " {"], ["}"], |w: &mut Writer| {
        for (FieldShape { field, .. }, value) in fields {
            let operations = &field.facets.relative;
            if operations.is_empty() {
                continue;
            }
            write_doc(w, field, None);
            // Lists are changed by lists of their own type.
            let untyped = field.kind == FieldKind::Json && field.facets.shape.is_none();
            let value = if untyped { &FieldType::Fixed("JsonValue[]") } else { value };
            w.begin_line();
            field.name.code(w);
            for (at, operation) in operations.iter().enumerate() {
                w.push(if at == 0 { "?: { " } else { " | { " });
                w.push(operation.as_str());
                w.push(": ");
                value.code(w);
                w.push(" }");
            }
            w.push(";");
            w.end_line();
        }
    });
}

/// The type of a field in what programs write.
#[derive(Clone, Copy, Debug)]
enum FieldType<'n> {
    /// A keyword or a type that every file has.
    Fixed(&'static str),
    /// A type of the model.
    Named(&'n Ident),
}

impl Code for FieldType<'_> {
    fn code(&self, w: &mut Writer) {
        match self {
            FieldType::Fixed(word) => w.push(word),
            FieldType::Named(name) => name.code(w),
        }
    }
}

/// The fields of a model with their types.
trait Fields<'t>: ExactSizeIterator<Item = (&'t FieldShape<'t>, &'t FieldType<'t>)> {}

impl<'t, I: ExactSizeIterator<Item = (&'t FieldShape<'t>, &'t FieldType<'t>)>> Fields<'t> for I {}

/// Returns the types of the fields of a model.
fn types<'n>(row: &RowShape<'_>, names: &'n ModelNames) -> Vec<FieldType<'n>> {
    let (mut enums, mut shapes) = (names.enums.iter(), names.shapes.iter());
    let of_field = |shape: &FieldShape<'_>| {
        let facets = &shape.field.facets;
        match shape.field.kind {
            FieldKind::String => FieldType::Fixed(facets.format.map_or("string", string_type)),
            FieldKind::Number => FieldType::Fixed("number"),
            FieldKind::Boolean => FieldType::Fixed("boolean"),
            FieldKind::Date => FieldType::Fixed("Timestamp"),
            FieldKind::Json if facets.shape.is_some() => {
                shapes.next().map_or(FieldType::Fixed("JsonValue"), FieldType::Named)
            }
            FieldKind::Json => FieldType::Fixed("JsonValue"),
            FieldKind::Enum(_) => enums.next().map_or(FieldType::Fixed("string"), FieldType::Named),
        }
    };
    row.fields.iter().map(of_field).collect()
}

/// Returns the type of a formatted string. Numbers beyond the precision of `number` are digits in
/// text, which `BigInt` accepts.
fn string_type(format: Format) -> &'static str {
    match format {
        Format::Int64 | Format::Uint64 => "`${bigint}`",
        Format::Decimal { .. } => "`${number}`",
        _ => "string",
    }
}

fn write_base(w: &mut Writer, shape: &BaseShape<'_>) {
    let value = match shape.base.kind() {
        BaseKind::Id | BaseKind::String => "string",
        BaseKind::Date => "Timestamp",
    };
    if let Some(field) = shape.declared {
        write_doc(w, field, None);
    }
    // The coordinator sets both: a row that is not confirmed yet lacks them.
    let is_set = matches!(shape.base, BaseField::OrganizationId | BaseField::CreatedBy);
    let colon = colon(shape.optional || is_set);
    line!(w, shape.base.name(), colon, value, end(shape.optional));
}

fn colon(optional: bool) -> &'static str {
    if optional { "?: " } else { ": " }
}

fn end(nullable: bool) -> &'static str {
    if nullable { " | null;" } else { ";" }
}

fn write_doc(w: &mut Writer, field: &Field, preset: Option<Preset<'_>>) {
    let facets = &field.facets;
    let text = facets.description.as_deref().unwrap_or_default();
    if facets.deprecated.is_none() && preset.is_none() {
        // Most fields have no comment.
        if !text.is_empty() {
            w.doc(Prose::lines(text));
        }
        return;
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
