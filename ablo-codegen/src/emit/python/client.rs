//! Emits `client.py`: the models of a schema as members of a client. Its implementation is in the
//! runtime.

use super::name::ModelNames;
use super::writer::{Writer, line};

/// Returns the text of the file.
pub(super) fn client(names: &[ModelNames]) -> String {
    let mut w = Writer::file("The client of the schema, and its asynchronous twin.");
    if names.is_empty() {
        line!(w, "from . import runtime, schema");
    } else {
        line!(w, "from functools import cached_property");
        line!(w, "from typing import TypeAlias");
        w.gap(1);
        line!(w, "from . import models, runtime, schema");
    }
    for names in names {
        w.gap(1);
        write_alias(&mut w, names, "");
        write_alias(&mut w, names, "Async");
    }
    write_client(&mut w, names, "");
    write_client(&mut w, names, "Async");
    w.finish()
}

// TaskModel: TypeAlias = runtime.Model[
//     models.Task,
// ]
fn write_alias(w: &mut Writer, names: &ModelNames, twin: &'static str) {
    let name = if twin.is_empty() { &names.model } else { &names.async_model };
    line!(w, name, ": TypeAlias = runtime.", twin, "Model[");
    w.indented(|w| {
        for of in
            [&names.row, &names.create, &names.patch, &names.filter, &names.relative, &names.order]
        {
            line!(w, "models.", of, ",");
        }
    });
    line!(w, "]");
}

// class Ablo(runtime.Client):
//     @cached_property
//     def tasks(self) -> TaskModel:
//         return runtime.Model(self, schema.TASKS)
fn write_client(w: &mut Writer, names: &[ModelNames], twin: &'static str) {
    w.gap(2);
    line!(w, "class ", twin, "Ablo(runtime.", twin, "Client):");
    w.indented(|w| {
        line!(w, "\"\"\"The client of the schema.\"\"\"");
        w.gap(1);
        line!(w, "content_hash = schema.CONTENT_HASH");
        for names in names {
            let name = if twin.is_empty() { &names.model } else { &names.async_model };
            w.gap(1);
            line!(w, "@cached_property");
            line!(w, "def ", names.member, "(self) -> ", name, ":");
            w.indented(|w| {
                line!(w, "\"\"\"The rows of the model.\"\"\"");
                line!(w, "return runtime.", twin, "Model(self, schema.", names.constant, ")");
            });
        }
    });
}
