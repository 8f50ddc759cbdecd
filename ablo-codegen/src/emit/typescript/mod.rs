//! The `typescript` target: types for programs, the schema as values, and a client.
//!
//! `models.ts` has the rows, `deltas.ts` their deltas, `wire.ts` the frames of the protocol,
//! `descriptors.ts` the schema as constants, `client.ts` the client, `runtime.ts` its
//! implementation, and `source.ts` a data source. `index.ts` exports all but the data source. The
//! types are explicit interfaces without dependencies and computed types, and valid under the
//! strictest compiler flags. Null and absent are distinct. Each file is TypeScript, or JavaScript
//! with declarations.

mod ast;
mod client;
mod deltas;
mod descriptors;
mod form;
mod json_schema;
mod literal;
mod models;
mod name;
mod runtime;
mod source;
mod wire;
mod writer;

use crate::target::read_options;
use crate::{Emit, Files, Input, OptionError, Target};
use form::{Form, ImportExtension, Output};
use literal::Module;
use name::ModelNames;
use serde::Deserialize;
use serde_json::{Map, Value};
use writer::{Writer, block, line};

/// The `typescript` target.
#[derive(Clone, Copy, Debug)]
pub struct TypeScript;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct TypeScriptOptions {
    client: bool,
    import_extension: Option<ImportExtension>,
    output: Output,
    react: bool,
    source: bool,
}

impl Default for TypeScriptOptions {
    fn default() -> Self {
        Self {
            client: true,
            import_extension: None,
            output: Output::Ts,
            react: false,
            source: false,
        }
    }
}

impl TypeScriptOptions {
    /// Returns the forms in which each module is written.
    fn forms(&self) -> Result<&'static [Form], OptionError> {
        match (self.output, self.import_extension) {
            (Output::Ts, None | Some(ImportExtension::Ts)) => {
                Ok(&[Form::Source(ImportExtension::Ts)])
            }
            (Output::Ts, Some(ImportExtension::Js)) => Ok(&[Form::Source(ImportExtension::Js)]),
            (Output::Ts, Some(ImportExtension::None)) => Ok(&[Form::Source(ImportExtension::None)]),
            (Output::Js, None | Some(ImportExtension::Js)) => Ok(&[Form::Types, Form::Script]),
            (Output::Js, Some(_)) => Err(OptionError {
                message: "with `output=js`, imports end in `.js`: leave `import-extension` out"
                    .to_owned(),
            }),
        }
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
            (
                "import-extension",
                "what imports of other generated files end with: ts, js or none (default: ts)",
            ),
            ("output", "ts, or js for compiled modules with declarations (default: ts)"),
            ("react", "write react.ts, hooks for React 18 and later (default: false)"),
            ("source", "write source.ts, a data source for your own database (default: false)"),
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        let options: TypeScriptOptions = read_options(options)?;
        let forms = options.forms()?;
        Ok(Box::new(Emitter { options, forms }))
    }
}

struct Emitter {
    options: TypeScriptOptions,
    forms: &'static [Form],
}

impl Emit for Emitter {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let names = name::model_names(&input.shapes.rows);
        self.forms.iter().for_each(|form| self.emit_form(*form, input, &names, files));
    }
}

impl Emitter {
    fn emit_form(&self, form: Form, input: &Input<'_>, names: &[ModelNames], files: &mut Files) {
        let rows = &input.shapes.rows;
        let mut add = |name: &str, text: String| {
            let text = match form {
                // Deno does not look for declarations.
                Form::Script => format!("/* @ts-self-types=\"./{name}.d.ts\" */\n{text}"),
                Form::Source(_) | Form::Types => text,
            };
            files.add(["typescript/", name, form.ending()].concat(), text);
        };
        add("deltas", deltas::deltas(form, rows, names));
        add("descriptors", descriptors::descriptors(form, input, names));
        add("index", index(form, self.options.client));
        if form.has_types() {
            add("models", models::models(form, rows, names));
            add("wire", wire::wire());
        }
        if self.options.client {
            add("client", client::client(form, rows, names));
            for module in runtime::CLIENT {
                add(module.name, module.text(form));
            }
        }
        if self.options.client && self.options.react {
            add(runtime::REACT.name, runtime::REACT.text(form));
        }
        if self.options.source {
            add("source", source::source(form, rows, names));
            add(runtime::SOURCE_HANDLER.name, runtime::SOURCE_HANDLER.text(form));
        }
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
fn index(form: Form, client: bool) -> String {
    let mut w = Writer::file(
        form,
        512,
        "All exports: models and deltas by name, `wire` and `descriptors` as namespaces.",
    );
    if form.has_types() {
        line!(w, "export type * from ", Module("models"), ";");
    }
    line!(w, "export * from ", Module("deltas"), ";");
    if client {
        line!(w, "export * from ", Module("client"), ";");
        block!(w, ["export {"], ["} from ", Module("runtime"), ";"], |w: &mut Writer| {
            ERRORS.iter().for_each(|name| line!(w, *name, ","));
        });
        write_namespace(&mut w, "runtime");
    }
    if form.has_types() {
        line!(w, "export type * as wire from ", Module("wire"), ";");
    }
    write_namespace(&mut w, "descriptors");
    w.finish()
}

/// Exports a module as a namespace. `export * as` would be shorter, but React Native's Babel does
/// not compile it.
fn write_namespace(w: &mut Writer, name: &'static str) {
    line!(w, "import * as ", name, " from ", Module(name), ";");
    line!(w, "export { ", name, " };");
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
             organizationId?: string | null; createdBy?: string; title: string; \
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
            r#"  | "*/";"#,
            "  mood: NotesMood | (string & {});",
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
