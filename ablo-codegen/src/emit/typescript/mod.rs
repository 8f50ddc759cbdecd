//! The `typescript` target: types to program against, and the schema as values.
//!
//! `models.ts` has the rows, `deltas.ts` their changes, `wire.ts` the protocol's frames, `descriptors.ts` the schema as
//! constants, `client.ts` the client, which `runtime.ts` runs, `source.ts` your own database behind a coordinator, `index.ts` all of
//! it but that. Everything is plain interfaces and constants
//! with their types written out: no dependency, nothing for the compiler to compute in rows, valid under its strictest flags. Null
//! and absent stay apart.

mod ast;
mod client;
mod deltas;
mod descriptors;
mod literal;
mod models;
mod name;
mod runtime;
mod source;
mod wire;
mod writer;

use crate::target::read_options;
use crate::{Emit, Files, Input, OptionError, Target};
use serde::Deserialize;
use serde_json::{Map, Value};
use writer::{Writer, block, line};

/// The `typescript` target.
#[derive(Clone, Copy, Debug)]
pub struct TypeScript;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    client: bool,
    react: bool,
    source: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { client: true, react: false, source: false }
    }
}

impl Target for TypeScript {
    fn id(&self) -> &'static str {
        "typescript"
    }

    fn about(&self) -> &'static str {
        "the client; rows, create and patch types, deltas, wire frames and descriptors"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "client",
                "write client.ts, what it runs on, codec.ts and validate.ts (default: true)",
            ),
            ("react", "write react.ts, hooks for React 18 and later (default: false)"),
            ("source", "write source.ts, your own database behind a coordinator (default: false)"),
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(Emitter(read_options(options)?)))
    }
}

struct Emitter(Options);

impl Emit for Emitter {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let rows = &input.shapes.rows;
        let names = name::model_names(rows);
        files.add("typescript/deltas.ts", deltas::deltas(rows, &names));
        files.add("typescript/descriptors.ts", descriptors::descriptors(input, &names));
        if self.0.client {
            files.add("typescript/client.ts", client::client(rows, &names));
            files.add("typescript/runtime.ts", runtime::runtime());
            files.add("typescript/codec.ts", room(include_str!("codec.ts")));
            files.add("typescript/node_socket.ts", room(include_str!("node_socket.ts")));
            files.add("typescript/validate.ts", room(include_str!("validate.ts")));
            if self.0.react {
                files.add("typescript/react.ts", room(include_str!("react.ts")));
            }
        }
        if self.0.source {
            files.add("typescript/source.ts", source::source(rows, &names));
            files.add("typescript/source_handler.ts", room(include_str!("source_handler.ts")));
        }
        files.add("typescript/index.ts", index(self.0.client));
        files.add("typescript/models.ts", models::models(rows, &names));
        files.add("typescript/wire.ts", wire::wire(ablo_wire::frames_schema()));
    }
}

/// A file that knows nothing of the schema.
fn room(text: &'static str) -> String {
    let (about, text) = text.split_once('\n').unwrap_or((text, ""));
    let mut w = Writer::checked_file(text.len() + 256, about.trim_start_matches("// "));
    // What follows the first line of its head is a comment of its own.
    for text in text.strip_prefix("//\n").unwrap_or(text).lines() {
        if text.is_empty() {
            w.gap();
        } else {
            w.fixed(text);
        }
    }
    w.finish()
}

/// What the client throws, by name: no model's type is called like that.
const ERRORS: &[&str] = &[
    "AbloAuthenticationError",
    "AbloClaimedError",
    "AbloConnectionError",
    "AbloError",
    "AbloIdempotencyError",
    "AbloPermissionError",
    "AbloRateLimitError",
    "AbloServerError",
    "AbloStaleContextError",
    "AbloValidationError",
    "CapabilityError",
];

/// Models, deltas and the client by their names; the rest in rooms of its own, so that no model's name can meet it.
fn index(client: bool) -> String {
    let mut w = Writer::file(
        512,
        "Everything: models and deltas by name, `wire` and `descriptors` in rooms of their own.",
    );
    line!(w, "export type * from \"./models.js\";");
    line!(w, "export * from \"./deltas.js\";");
    if client {
        line!(w, "export * from \"./client.js\";");
        block!(w, ["export {"], ["} from \"./runtime.js\";"], |w: &mut Writer| {
            ERRORS.iter().for_each(|name| line!(w, *name, ","));
        });
        line!(w, "export * as runtime from \"./runtime.js\";");
    }
    line!(w, "export type * as wire from \"./wire.js\";");
    line!(w, "export * as descriptors from \"./descriptors.js\";");
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ablo_schema::{Hashes, Schema};

    /// A schema of these models.
    pub(super) fn schema(models: &str) -> Schema {
        let text = format!(r#"{{"v":3,"models":{models},"identityRoles":[]}}"#);
        let read = ablo_schema::front::json::read(&text);
        read.schema.unwrap_or_else(|| panic!("{text} is valid: {:?}", read.diagnostics))
    }

    fn emit(schema: &Schema) -> Files {
        let mut files = Files::default();
        let hashes = Hashes::of(schema);
        TypeScript.configure(&Map::new()).unwrap().emit(&Input::new(schema, &hashes), &mut files);
        files
    }

    #[test]
    fn unknown_options_are_refused() {
        let options = Map::from_iter([("runtimes".to_owned(), Value::Bool(true))]);
        let error = TypeScript.configure(&options).err().unwrap();
        assert!(error.message.contains("`runtimes`"), "{error}");
    }

    #[test]
    fn same_schema_same_bytes() {
        let schema =
            schema(r#"{"b":{"fields":{},"relations":{}},"a":{"fields":{},"relations":{}}}"#);
        let files = emit(&schema);
        assert_eq!(files, emit(&schema));
        let models = files.get("typescript/models.ts").unwrap();
        assert!(
            models.find("interface B ") < models.find("interface A "),
            "models keep their order"
        );
    }

    #[test]
    fn null_and_absent_stay_apart() {
        let schema = schema(
            r#"{"notes":{"fields":{
                "title":{"type":"string","isOptional":false,"isIndexed":false},
                "dueAt":{"type":"date","isOptional":true,"isIndexed":false},
                "createdBy":{"type":"string","isOptional":false,"isIndexed":false}},"relations":{}}}"#,
        );
        let files = emit(&schema);
        let models = files.get("typescript/models.ts").unwrap();
        let body = |name: &str| -> String {
            let (_, rest) = models.split_once(&format!("interface {name} {{\n")).unwrap();
            let lines = rest.split_once('}').unwrap().0.lines();
            lines
                .map(str::trim)
                .filter(|line| !line.starts_with("/**"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            body("Notes"),
            "id: string; createdAt: Timestamp; updatedAt: Timestamp; organizationId?: string | null; \
             createdBy: string; title: string; dueAt?: Timestamp | null;"
        );
        assert_eq!(body("NotesCreate"), "id?: string; title: string; dueAt?: Timestamp | null;");
        assert_eq!(body("NotesPatch"), "title?: string; dueAt?: Timestamp | null;");
    }

    #[test]
    fn hostile_values_and_prose_stay_text() {
        let schema = schema(
            r#"{"notes":{"tableName":"a*/b\n\u2028c","fields":{
                "mood":{"type":"enum","enumValues":["\"","\\","\u0001","\u2028","été","😀","*/"],"isOptional":false,
                    "isIndexed":false,"description":"*/ alert(1) /*\nsecond","deprecated":"*/ no"}},"relations":{}}}"#,
        );
        let files = emit(&schema);
        let models = files.get("typescript/models.ts").unwrap();
        for line in [
            "export type NotesMood =",
            r#"  | "\"""#,
            r#"  | "\\""#,
            r#"  | "\u0001""#,
            r#"  | "\u2028""#,
            r#"  | "été""#,
            r#"  | "😀""#,
            r#"  | "*/""#,
            "  | (string & {});",
            "   * *\\/ alert(1) /*",
            "   * second",
            "   * @deprecated *\\/ no",
            "/** A row of `notes`, from table `a*\\/b  c`. Clients only read it. */",
        ] {
            assert!(models.lines().any(|written| written == line), "{line} is in\n{models}");
        }
        let comments = models.lines().filter(|line| line.trim_start().starts_with(['/', '*']));
        assert!(comments.clone().count() > 10);
        for line in comments {
            assert_eq!(line.find("*/"), line.ends_with("*/").then(|| line.len() - 2), "{line}");
        }
    }

    #[test]
    fn a_schema_without_models_is_a_schema() {
        let schema = schema("{}");
        let files = emit(&schema);
        assert!(
            files.get("typescript/deltas.ts").unwrap().contains("export type SchemaDelta = never;")
        );
        assert!(files.get("typescript/descriptors.ts").unwrap().contains("  models: [],\n"));
    }
}
