//! Emits `schema.py`: the schema as values, by which the runtime reads and writes rows.

use super::kind::Kind;
use super::literal::Str;
use super::name::{Ident, ModelNames};
use super::writer::{Writer, line};
use crate::Input;
use crate::shape::RowShape;

/// Returns the text of the file.
pub(super) fn schema(input: &Input<'_>, names: &[ModelNames]) -> String {
    let mut w = Writer::file("The schema as values.");
    line!(w, "from typing import Final");
    if !names.is_empty() {
        w.gap(1);
        line!(w, "from . import models");
        line!(w, "from .runtime import Field, ModelSchema");
    }
    w.gap(1);
    line!(w, "SCHEMA_HASH: Final = ", Str(&input.hashes.schema.to_string()));
    line!(w, "CONTENT_HASH: Final = ", Str(&input.hashes.content.to_string()));
    for (row, names) in input.shapes.rows.iter().zip(names) {
        w.gap(1);
        write_model(&mut w, row, names);
    }
    w.finish()
}

// TASKS: Final = ModelSchema(
//     key="tasks",
//     row=models.Task,
//     fields=(
//         Field("created_at", "createdAt", "datetime"),
//     ),
// )
fn write_model(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    line!(w, names.constant, ": Final = ModelSchema(");
    w.indented(|w| {
        line!(w, "key=", Str(row.model.key.as_str()), ",");
        line!(w, "typename=", Str(row.model.type_name.as_str()), ",");
        line!(w, "row=models.", names.row, ",");
        line!(w, "fields=(");
        w.indented(|w| {
            let base = row
                .base
                .iter()
                .map(|base| (base.base.name(), Kind::of_base(base.base.kind()), base.optional));
            let declared = row.fields.iter().map(|shape| {
                (shape.field.name.as_str(), Kind::of(shape.field), shape.field.optional)
            });
            for ((name, kind, optional), member) in base.chain(declared).zip(&names.members) {
                write_field(w, member, name, kind, optional);
            }
        });
        line!(w, "),");
    });
    line!(w, ")");
}

fn write_field(w: &mut Writer, member: &Ident, name: &str, kind: Kind, optional: bool) {
    let end = if optional { ", optional=True)," } else { ")," };
    line!(w, "Field(", Str(member.as_str()), ", ", Str(name), ", ", Str(kind.name()), end);
}
