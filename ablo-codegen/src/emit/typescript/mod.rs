//! The `typescript` target: types for programs, the schema as values, and a client.
//!
//! `models.ts` has the rows, `deltas.ts` their deltas, `wire.ts` the frames of the protocol,
//! `descriptors.ts` the schema as constants, `client.ts` the client, `runtime.ts` its
//! implementation, and `source.ts` a data source. `index.ts` exports all but the data source. The
//! types are explicit interfaces without dependencies and computed types, and valid under the
//! strictest compiler flags. Null and absent are distinct.

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
struct TypeScriptOptions {
    client: bool,
    react: bool,
    source: bool,
}

impl Default for TypeScriptOptions {
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
                "write client.ts with its runtime, codec.ts and validate.ts (default: true)",
            ),
            ("react", "write react.ts, hooks for React 18 and later (default: false)"),
            ("source", "write source.ts, a data source for your own database (default: false)"),
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(Emitter(read_options(options)?)))
    }
}

struct Emitter(TypeScriptOptions);

impl Emit for Emitter {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let rows = &input.shapes.rows;
        let names = name::model_names(rows);
        files.add("typescript/deltas.ts", deltas::deltas(rows, &names));
        files.add("typescript/descriptors.ts", descriptors::descriptors(input, &names));
        if self.0.client {
            files.add("typescript/client.ts", client::client(rows, &names));
            files.add("typescript/runtime.ts", runtime::runtime());
            files.add("typescript/codec.ts", runtime::codec());
            files.add("typescript/node_socket.ts", runtime::single(include_str!("node_socket.ts")));
            files.add("typescript/validate.ts", runtime::single(include_str!("validate.ts")));
            if self.0.react {
                files.add("typescript/react.ts", runtime::single(include_str!("react.ts")));
            }
        }
        if self.0.source {
            files.add("typescript/source.ts", source::source(rows, &names));
            files.add("typescript/source_handler.ts", runtime::source_handler());
        }
        files.add("typescript/index.ts", index(self.0.client));
        files.add("typescript/models.ts", models::models(rows, &names));
        files.add("typescript/wire.ts", wire::wire(ablo_wire::frames_schema()));
    }
}

/// The error classes of the client. Model types do not use these names.
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

/// Returns `index.ts`. Models, deltas and the client are exported by name, everything else in
/// namespaces that cannot collide with the names of models.
fn index(client: bool) -> String {
    let mut w = Writer::file(
        512,
        "All exports: models and deltas by name, `wire` and `descriptors` as namespaces.",
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

    /// Returns a schema with the given models.
    pub(super) fn schema(models: &str) -> Schema {
        let text = format!(r#"{{"v":3,"models":{models},"identityRoles":[]}}"#);
        let read = ablo_schema::front::json::read(&text);
        read.schema.unwrap_or_else(|| panic!("{text} is not valid: {:?}", read.diagnostics))
    }

    fn emit(schema: &Schema) -> Files {
        let mut files = Files::default();
        let hashes = Hashes::of(schema);
        TypeScript.configure(&Map::new()).unwrap().emit(&Input::new(schema, &hashes), &mut files);
        files
    }

    #[test]
    fn unknown_options_are_rejected() {
        let options = Map::from_iter([("runtimes".to_owned(), Value::Bool(true))]);
        let error = TypeScript.configure(&options).err().unwrap();
        assert!(error.message.contains("`runtimes`"), "{error}");
    }

    #[test]
    fn output_is_deterministic() {
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
    fn null_and_absent_are_distinct() {
        let schema = schema(
            r#"{"notes":{"fields":{
                "title":{"type":"string","isOptional":false,"isIndexed":false},
                "dueAt":{"type":"date","isOptional":true,"isIndexed":false},
                "createdBy":{"type":"string","isOptional":false,"isIndexed":false}
                },"relations":{}}}"#,
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
            "id: string; createdAt: Timestamp; updatedAt: Timestamp; \
             organizationId?: string | null; createdBy: string; title: string; \
             dueAt?: Timestamp | null;"
        );
        assert_eq!(body("NotesCreate"), "id?: string; title: string; dueAt?: Timestamp | null;");
        assert_eq!(body("NotesPatch"), "title?: string; dueAt?: Timestamp | null;");
    }

    #[test]
    fn values_and_prose_are_escaped() {
        let schema = schema(
            r#"{"notes":{"tableName":"a*/b\n\u2028c","fields":{
                "mood":{"type":"enum","enumValues":["\"","\\","\u0001","\u2028","été","😀","*/"],
                    "isOptional":false,"isIndexed":false,
                    "description":"*/ alert(1) /*\nsecond","deprecated":"*/ no"}
                },"relations":{}}}"#,
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
            "/** A row of `notes`, from table `a*\\/b  c`. Read-only for clients. */",
        ] {
            assert!(models.lines().any(|written| written == line), "{line} is not in\n{models}");
        }
        let comments = models.lines().filter(|line| line.trim_start().starts_with(['/', '*']));
        assert!(comments.clone().count() > 10);
        for line in comments {
            assert_eq!(line.find("*/"), line.ends_with("*/").then(|| line.len() - 2), "{line}");
        }
    }

    #[test]
    fn a_schema_without_models_is_valid() {
        let schema = schema("{}");
        let files = emit(&schema);
        assert!(
            files.get("typescript/deltas.ts").unwrap().contains("export type SchemaDelta = never;")
        );
        assert!(files.get("typescript/descriptors.ts").unwrap().contains("  models: [],\n"));
    }
}
