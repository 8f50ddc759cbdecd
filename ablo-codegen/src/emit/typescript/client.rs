//! Emits `client.ts`: the models of a schema as members of a client.
//!
//! The file contains types only, apart from `connect`. The implementation is in `runtime.ts`.

use super::ast::Type;
use super::form::Form;
use super::literal::{Key, Module, Str};
use super::name::{Ident, ModelNames};
use super::writer::{Code, Writer, block, line};
use crate::shape::RowShape;

/// Members of a client. A model of the same name is accessible through `models` only.
const MEMBERS: &[&str] = &[
    "changes",
    "close",
    "commits",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "models",
    "onReload",
    "onSyncStatus",
    "onWriteFailure",
    "outbox",
    "presence",
    "propertyIsEnumerable",
    "ready",
    "schema",
    "sessions",
    "snapshot",
    "subscribe",
    "syncStatus",
    "toLocaleString",
    "toString",
    "valueOf",
    "version",
];

/// Returns the text of the file.
pub(super) fn client(form: Form, rows: &[RowShape<'_>], names: &[ModelNames]) -> String {
    let size = 2048 + rows.len() * 640;
    let mut w = Writer::file(form, size, "The client of the schema.");
    if form.has_code() {
        line!(w, "import { schema } from ", Module("descriptors"), ";");
    }
    if form.has_types() && !rows.is_empty() {
        line!(w, "import type { SchemaDelta } from ", Module("deltas"), ";");
        line!(w, "import type * as models from ", Module("models"), ";");
    }
    let type_only = (!form.has_code()).then_some("type ");
    line!(w, "import ", type_only, "* as runtime from ", Module("runtime"), ";");
    if form.has_types() {
        names.iter().for_each(|names| write_model(&mut w, names));
        write_all(&mut w, rows, names);
        write_client(&mut w, rows, names);
    }
    write_connect(&mut w);
    w.finish()
}

// export type WeatherReportModel = runtime.Model<models.WeatherReport, …>;
fn write_model(w: &mut Writer, names: &ModelNames) {
    w.gap();
    line!(w, "/** The client of {@link models.", names.row, "}. */");
    let (row, create, patch) = (&names.row, &names.create, &names.patch);
    line!(
        w,
        "export type ",
        names.model,
        " = runtime.Model<models.",
        row,
        ", models.",
        create,
        ", models.",
        patch,
        names.relative.as_ref().map(RelativeArgument),
        ">;"
    );
}

/// Writes `, models.TaskRelative`.
struct RelativeArgument<'a>(&'a Ident);

impl Code for RelativeArgument<'_> {
    fn code(&self, w: &mut Writer) {
        w.push(", models.");
        self.0.code(w);
    }
}

fn write_all(w: &mut Writer, rows: &[RowShape<'_>], names: &[ModelNames]) {
    let each = || rows.iter().zip(names).map(|(row, names)| (row.model.key.as_str(), names));
    w.gap();
    line!(w, "/** The models by key. */");
    write_interface(w, "Models", rows, |w| {
        each().for_each(|(key, names)| line!(w, "readonly ", Key(key), ": ", names.model, ";"));
    });
    w.gap();
    line!(w, "/** The key of a model. */");
    let keys: Vec<_> = each().map(|(key, _)| Type::Literal(key.into())).collect();
    line!(w, "export type ModelKey = ", union_of(keys), ";");
    w.gap();
    line!(w, "/** An operation of a commit. */");
    line!(w, "export type Write =");
    w.indented(|w| {
        for (key, names) in each() {
            line!(
                w,
                "| { action: \"create\"; model: ",
                Str(key),
                "; id?: string; data: models.",
                names.create,
                " }"
            );
            let (patch, of_model) = (&names.patch, "action: \"update\"; model: ");
            match &names.relative {
                None => {
                    line!(w, "| { ", of_model, Str(key), "; id: string; data: models.", patch, " }")
                }
                Some(name) => line!(
                    w,
                    "| ({ ",
                    of_model,
                    Str(key),
                    "; id: string } & runtime.Update<models.",
                    patch,
                    RelativeArgument(name),
                    ">)"
                ),
            }
        }
        line!(
            w,
            "| { action: \"delete\" | \"archive\" | \"unarchive\"; model: ModelKey; id: string };"
        );
    });
    w.gap();
    line!(w, "/** The ids of the rows in a snapshot, by model. */");
    write_interface(w, "SnapshotIds", rows, |w| {
        each().for_each(|(key, _)| line!(w, Key(key), "?: string | readonly string[];"));
    });
    w.gap();
    line!(w, "/** The rows of a snapshot by id, for each requested model. */");
    write_interface(w, "SnapshotRows", rows, |w| {
        for (key, names) in each() {
            line!(w, Key(key), "?: { readonly [id: string]: models.", names.row, " | undefined };");
        }
    });
}

/// Writes an interface with members for the models. Without any, its name would admit every object.
fn write_interface(
    w: &mut Writer,
    name: &'static str,
    rows: &[RowShape<'_>],
    members: impl FnOnce(&mut Writer),
) {
    if rows.is_empty() {
        return line!(w, "export type ", name, " = Record<string, never>;");
    }
    block!(w, ["export interface ", name, " {"], ["}"], members);
}

fn union_of(types: Vec<Type<'_>>) -> Type<'_> {
    if types.is_empty() { Type::NEVER } else { Type::Union(types) }
}

fn write_client(w: &mut Writer, rows: &[RowShape<'_>], names: &[ModelNames]) {
    let delta = if rows.is_empty() { "never" } else { "SchemaDelta" };
    w.gap();
    line!(w, "/** A client of the schema. */");
    let open = [
        "export interface Ablo extends runtime.Client<Write, SnapshotIds, SnapshotRows, ",
        delta,
        ", ModelKey> {",
    ];
    block!(w, [open[0], open[1], open[2]], ["}"], |w: &mut Writer| {
        line!(w, "readonly models: Models;");
        for (row, names) in
            rows.iter().zip(names).filter(|(row, _)| !MEMBERS.contains(&row.model.key.as_str()))
        {
            line!(w, "readonly ", Key(row.model.key.as_str()), ": ", names.model, ";");
        }
    });
}

fn write_connect(w: &mut Writer) {
    w.gap();
    line!(w, "/** Returns a client of the coordinator at `baseURL`. No request is sent yet. */");
    let (open, cast) = match w.form() {
        Form::Source(_) => (
            "export function connect(options: runtime.ClientOptions): Ablo {",
            " as unknown as Ablo",
        ),
        Form::Script => ("export function connect(options) {", ""),
        Form::Types => {
            let signature = "(options: runtime.ClientOptions): Ablo;";
            return line!(w, "export declare function connect", signature);
        }
    };
    block!(w, [open], ["}"], |w: &mut Writer| {
        line!(w, "return new runtime.Client(options, schema)", cast, ";");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_list_is_complete() {
        let text = include_str!("runtime/client.ts");
        let (_, body) = text.split_once("export class Client<").expect("the class Client");
        let member = |line: &str| {
            let line = line.strip_prefix("  ")?;
            let line = line
                .trim_start_matches("readonly ")
                .trim_start_matches("get ")
                .trim_start_matches("async ");
            let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
            (!name.is_empty() && line[name.len()..].starts_with(['(', ':', ' '])).then_some(name)
        };
        let found: Vec<String> = body.lines().filter_map(member).collect();
        assert!(found.len() > 10, "{found:?}");
        for name in found {
            assert!(MEMBERS.contains(&name.as_str()), "`{name}` is missing from MEMBERS");
        }
    }
}
