//! The `json-schema` target: JSON Schema 2020-12 of the models and the wire.
//!
//! It writes `models.json` from the shapes and `wire.json` from the wire types. Both are
//! collections of definitions: a validator selects one, such as `models.json#/$defs/Task`.

use super::json::names::Names;
use super::json::rows::RowSchemas;
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
}

impl Default for JsonSchemaOptions {
    fn default() -> Self {
        Self { base_id: "https://api.abloatai.com/json-schema".to_owned() }
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
        &[(
            "base-id",
            "the URI prefix of the files' `$id`s; default \"https://api.abloatai.com/json-schema\"",
        )]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(read_options::<JsonSchemaOptions>(options)?))
    }
}

impl Emit for JsonSchemaOptions {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let base = self.base_id.trim_end_matches('/');
        files.add("json-schema/models.json", models(base, &input.shapes.rows));
        files.add("json-schema/wire.json", wire(base));
    }
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Estimated sizes in bytes, to avoid reallocations.
const MODEL_SIZE: usize = 1 << 10;
const FIELD_SIZE: usize = 256;
const WIRE_SIZE: usize = 96 << 10;

fn models(base: &str, shapes: &[RowShape<'_>]) -> String {
    let mut names = Names::default();
    let mut rows = RowSchemas::new();
    let fields: usize = shapes.iter().map(|shape| shape.fields.len()).sum();
    write::document(MODEL_SIZE * (shapes.len() + 1) + FIELD_SIZE * fields, |document| {
        document.string("$schema", DIALECT);
        document.parts("$id", &[base, "/models.json"]);
        document.string("title", "Models");
        document
            .string("description", "For each model, the schemas of a row, a create and a patch.");
        document.object("$defs", |definitions| {
            for shape in shapes {
                rows.schemas(definitions, shape, &names.model(shape.model));
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
