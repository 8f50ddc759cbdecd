//! Emits `source.ts`: the models of a schema as tables of a data source.
//!
//! The file contains types and the function `dataSource`. The implementation is in
//! `source_handler.ts`.

use super::form::Form;
use super::literal::{Key, Module};
use super::name::ModelNames;
use super::writer::{Writer, block, line};
use crate::shape::RowShape;

/// Returns the text of the file.
pub(super) fn source(form: Form, rows: &[RowShape<'_>], names: &[ModelNames]) -> String {
    let mut w = Writer::file(
        form,
        1024 + rows.len() * 160,
        "A data source for your own database: typed tables and the route.",
    );
    if form.has_types() && !rows.is_empty() {
        line!(w, "import type * as models from ", Module("models"), ";");
    }
    let type_only = (!form.has_code()).then_some("type ");
    line!(w, "import ", type_only, "* as handler from ", Module("source_handler"), ";");
    if form.has_types() {
        write_types(&mut w, rows, names);
    }
    w.gap();
    line!(w, "/** Returns the handler of a route: `export const POST = dataSource({ … })`. */");
    let parameters = "<Tx>(options: handler.SourceOptions<Tx, Tables<Tx>>): Route";
    let [signature, open] = match form {
        Form::Source(_) => [parameters, " {"],
        Form::Script => ["(options)", " {"],
        Form::Types => {
            line!(w, "export declare function dataSource", parameters, ";");
            return w.finish();
        }
    };
    block!(w, ["export function dataSource", signature, open], ["}"], |w: &mut Writer| {
        line!(w, "const source = new handler.SourceHandler(options);");
        line!(w, "return (request) => source.handle(request);");
    });
    w.finish()
}

fn write_types(w: &mut Writer, rows: &[RowShape<'_>], names: &[ModelNames]) {
    w.gap();
    line!(
        w,
        "/** The tables by model key. Requests for other models are refused as not configured. */"
    );
    if rows.is_empty() {
        // The name of an interface without members would admit every object.
        let none = "Record<never, handler.Table<Tx, never, never, never>>";
        line!(w, "export type Tables<Tx> = ", none, ";");
    } else {
        write_tables(w, rows, names);
    }
    w.gap();
    line!(w, "/** A handler of requests, as web frameworks call it. */");
    line!(w, "export type Route = (request: handler.Incoming) => Promise<handler.Outgoing>;");
}

fn write_tables(w: &mut Writer, rows: &[RowShape<'_>], names: &[ModelNames]) {
    block!(w, ["export interface Tables<Tx> {"], ["}"], |w: &mut Writer| {
        for (row, names) in rows.iter().zip(names) {
            let (key, one, create, patch) =
                (Key(row.model.key.as_str()), &names.row, &names.create, &names.patch);
            line!(
                w,
                key,
                "?: handler.Table<Tx, models.",
                one,
                ", models.",
                create,
                ", models.",
                patch,
                ">;"
            );
        }
    });
}
