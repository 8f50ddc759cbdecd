//! Emits `deltas.ts`: deltas whose data is typed by their model.
//!
//! Each model has an interface that narrows the wire's `Delta`. Their union is discriminated by
//! `modelName`, and a type guard converts a delta from the wire into that union.

use super::ast::Type;
use super::form::Form;
use super::literal::{Module, Str};
use super::name::{Ident, ModelNames};
use super::writer::{Writer, block, line};
use crate::shape::RowShape;

/// Returns the text of the file.
pub(super) fn deltas(form: Form, rows: &[RowShape<'_>], names: &[ModelNames]) -> String {
    let mut w = Writer::file(
        form,
        1024 + rows.len() * 260,
        "Deltas of the schema's models, discriminated by `modelName`.",
    );
    if form.has_types() {
        write_types(&mut w, rows, names);
    }
    write_guard(&mut w, rows);
    w.finish()
}

fn write_types(w: &mut Writer, rows: &[RowShape<'_>], names: &[ModelNames]) {
    if !rows.is_empty() {
        line!(w, "import type * as models from ", Module("models"), ";");
    }
    line!(w, "import type * as wire from ", Module("wire"), ";");
    for (row, names) in rows.iter().zip(names) {
        write_delta(w, row, names);
    }
    w.gap();
    line!(w, "/** A delta of any model of the schema. Checking `modelName` narrows `data`. */");
    line!(w, "export type SchemaDelta = ", any_of(names), ";");
}

/// Returns the union of all deltas.
fn any_of(names: &[ModelNames]) -> Type<'static> {
    match names {
        [] => Type::NEVER,
        many => Type::Union(many.iter().map(|names| Type::Name(names.delta.clone())).collect()),
    }
}

// /** A delta of a {@link models.WeatherReport}. */
// export interface WeatherReportDelta extends wire.Delta {
//   modelName: "WeatherReport";
//   data?: models.WeatherReport | null;
// }
fn write_delta(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    let data = |name: &Ident| Type::Member("models", name.clone());
    w.gap();
    line!(w, "/** A delta of a {@link models.", names.row, "}. */");
    block!(
        w,
        ["export interface ", names.delta, " extends wire.Delta {"],
        ["}"],
        |w: &mut Writer| {
            line!(w, "modelName: ", Str(row.model.type_name.as_str()), ";");
            line!(w, "data?: ", data(&names.row), " | null;");
            line!(w, "previousData?: ", data(&names.row), " | null;");
        }
    );
}

// export function isSchemaDelta(delta: wire.Delta): delta is SchemaDelta {
//   if (typeof delta.data === "string") return false;
//   if (delta.actionType === "G" || delta.actionType === "S") return false;
//   switch (delta.modelName) {
//     case "WeatherReport":
//       return true;
//     default:
//       return false;
//   }
// }
fn write_guard(w: &mut Writer, rows: &[RowShape<'_>]) {
    w.gap();
    line!(w, "/**");
    line!(w, " * Returns whether a delta changes a row of a model of the schema.");
    line!(w, " *");
    line!(
        w,
        " * Returns false for group deltas (`G` and `S`) and for data that is still JSON text."
    );
    line!(w, " * The row is not validated.");
    line!(w, " */");
    let open = match w.form() {
        Form::Source(_) => {
            "export function isSchemaDelta(delta: wire.Delta): delta is SchemaDelta {"
        }
        Form::Script => "export function isSchemaDelta(delta) {",
        Form::Types => {
            let signature = "(delta: wire.Delta): delta is SchemaDelta;";
            return line!(w, "export declare function isSchemaDelta", signature);
        }
    };
    block!(w, [open], ["}"], |w: &mut Writer| {
        line!(
            w,
            "if (typeof delta.data === \"string\" || typeof delta.previousData === \"string\") \
                 return false;"
        );
        line!(w, "if (delta.actionType === \"G\" || delta.actionType === \"S\") return false;");
        block!(w, ["switch (delta.modelName) {"], ["}"], |w: &mut Writer| {
            rows.iter().for_each(|row| line!(w, "case ", Str(row.model.type_name.as_str()), ":"));
            if !rows.is_empty() {
                w.indented(|w| line!(w, "return true;"));
            }
            line!(w, "default:");
            w.indented(|w| line!(w, "return false;"));
        });
    });
}
