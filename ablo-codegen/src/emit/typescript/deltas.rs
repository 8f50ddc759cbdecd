//! `deltas.ts`: deltas whose data is typed by their model.
//!
//! One interface a model narrows the wire's `Delta`, and their union is told apart by `modelName`, so that checking the
//! name types the row. A guard of a few lines brings a delta off the wire into that union.

use super::ast::Type;
use super::literal::Str;
use super::name::{Ident, ModelNames};
use super::writer::{Writer, block, line};
use crate::shape::RowShape;

/// Writes the file.
pub(super) fn deltas(rows: &[RowShape<'_>], names: &[ModelNames]) -> String {
    let mut w = Writer::file(
        1024 + rows.len() * 260,
        "Deltas of the schema's models, told apart by `modelName`.",
    );
    if !rows.is_empty() {
        line!(w, "import type * as models from \"./models.js\";");
    }
    line!(w, "import type * as wire from \"./wire.js\";");
    for (row, names) in rows.iter().zip(names) {
        write_delta(&mut w, row, names);
    }
    w.gap();
    line!(w, "/** A delta of any model of the schema. Checking `modelName` types `data`. */");
    line!(w, "export type SchemaDelta = ", any_of(names), ";");
    write_guard(&mut w, rows);
    w.finish()
}

/// The union of all deltas; their names differ already.
fn any_of(names: &[ModelNames]) -> Type<'static> {
    match names {
        [] => Type::NEVER,
        many => Type::Union(many.iter().map(|names| Type::Name(names.delta.clone())).collect()),
    }
}

// /** A change of a {@link models.WeatherReport}. */
// export interface WeatherReportDelta extends wire.Delta {
//   modelName: "WeatherReport";
//   data?: models.WeatherReport | null;
// }
fn write_delta(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    let data = |name: &Ident| Type::Member("models", name.clone());
    w.gap();
    line!(w, "/** A change of a {@link models.", names.row, "}. */");
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
//   if (typeof delta.data === "string" || delta.actionType === "G" || delta.actionType === "S") return false;
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
    line!(w, " * Whether a delta changes a row of a model of the schema.");
    line!(w, " *");
    line!(
        w,
        " * Deltas of groups (`G` and `S`) do not, and neither does one whose data is still JSON text: parse that first."
    );
    line!(w, " * The row itself is taken at the sender's word.");
    line!(w, " */");
    block!(
        w,
        ["export function isSchemaDelta(delta: wire.Delta): delta is SchemaDelta {"],
        ["}"],
        |w: &mut Writer| {
            line!(
                w,
                "if (typeof delta.data === \"string\" || typeof delta.previousData === \"string\") return false;"
            );
            line!(w, "if (delta.actionType === \"G\" || delta.actionType === \"S\") return false;");
            block!(w, ["switch (delta.modelName) {"], ["}"], |w: &mut Writer| {
                rows.iter()
                    .for_each(|row| line!(w, "case ", Str(row.model.type_name.as_str()), ":"));
                if !rows.is_empty() {
                    w.indented(|w| line!(w, "return true;"));
                }
                line!(w, "default:");
                w.indented(|w| line!(w, "return false;"));
            });
        }
    );
}
