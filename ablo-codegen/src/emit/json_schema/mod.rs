//! The `json-schema` target: JSON Schema 2020-12 of the models and the wire.
//!
//! It writes `models.json` from the shapes and `wire.json` from the wire types. Both are
//! collections of definitions: a validator selects one, such as `models.json#/$defs/Task`.

use super::json::names::{ModelNames, Names, Ref};
use super::json::rows::{Enums, RowSchemas, Style};
use super::json::template::Fragment;
use super::json::write;
use crate::Files;
use crate::shape::RowShape;
use crate::target::{Emit, Input, OptionError, Target, read_options};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// The `json-schema` target.
#[derive(Debug)]
pub struct JsonSchema;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct JsonSchemaOptions {
    base_id: String,
    enums: Enums,
}

impl Default for JsonSchemaOptions {
    fn default() -> Self {
        Self { base_id: "https://api.abloatai.com/json-schema".to_owned(), enums: Enums::default() }
    }
}

impl Target for JsonSchema {
    fn id(&self) -> &'static str {
        "json-schema"
    }

    fn about(&self) -> &'static str {
        "JSON Schema 2020-12 of rows, creates, patches and wire frames"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "base-id",
                "the URI prefix of the files' `$id`s; default \
                 \"https://api.abloatai.com/json-schema\"",
            ),
            Enums::OPTION,
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(read_options::<JsonSchemaOptions>(options)?))
    }
}

impl Emit for JsonSchemaOptions {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let base = self.base_id.trim_end_matches('/');
        files.add("json-schema/models.json", models(base, self.enums, &input.shapes.rows));
        files.add("json-schema/wire.json", wire(base));
    }
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Estimated sizes in bytes, to avoid reallocations.
const MODEL_SIZE: usize = 1 << 10;
const FIELD_SIZE: usize = 256;
const WIRE_SIZE: usize = 96 << 10;

fn models(base: &str, enums: Enums, shapes: &[RowShape<'_>]) -> String {
    let names = Names::reserve(std::iter::empty()).models(shapes);
    let mut rows =
        RowSchemas::new(Style { refer: |name| Ref::Definition(name), enums, extensions: false });
    let fields: usize = shapes.iter().map(|shape| shape.fields.len()).sum();
    write::document(MODEL_SIZE * (shapes.len() + 1) + FIELD_SIZE * fields, |document| {
        document.string("$schema", DIALECT);
        document.parts("$id", &[base, "/models.json"]);
        document.string("title", "Models");
        let about = "For each model, the schemas of a row, a create and a patch. The root has a \
            member for each of them, for programs that read a schema from its root.";
        document.string("description", about);
        document.string("type", "object");
        document.object("properties", |members| {
            for name in names.iter().flat_map(ModelNames::rows) {
                members.refers(name.as_str(), Ref::Definition(name));
            }
        });
        document.object("$defs", |definitions| {
            for (shape, names) in shapes.iter().zip(&names) {
                rows.schemas(definitions, shape, names);
            }
        });
    })
}

/// The schemas of frames, printed once per process.
static FRAMES: OnceLock<Fragment> = OnceLock::new();

fn wire(base: &str) -> String {
    write::document(WIRE_SIZE, |document| {
        document.string("$schema", DIALECT);
        document.parts("$id", &[base, "/wire.json"]);
        document.fragment(FRAMES.get_or_init(|| {
            let members = ablo_wire::frames_schema().as_object().into_iter().flatten();
            let members = members.filter(|(name, _)| !matches!(name.as_str(), "$schema" | "$id"));
            Fragment::block(1, |document| {
                members.for_each(|(name, member)| document.value(name, member))
            })
        }));
    })
}
