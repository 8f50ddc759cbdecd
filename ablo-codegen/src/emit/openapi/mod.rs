//! The `openapi` target: an OpenAPI 3.1 document of the HTTP routes.
//!
//! `models` writes the routes of a model, `protocol` the routes that belong to no model, and
//! `shared` the parameters, headers, bodies and responses that operations refer to, which keeps a
//! model at a few kilobytes. Row schemas come from the shapes and protocol schemas from the wire
//! types.

mod definitions;
mod models;
mod operation;
mod protocol;
mod shared;

use super::json::names::{ModelNames, Names};
use super::json::rows::RowSchemas;
use super::json::template::Fragment;
use super::json::write;
use crate::Files;
use crate::shape::RowShape;
use crate::target::{Emit, Input, OptionError, Target, read_options};
use definitions::Definitions;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// The `openapi` target.
#[derive(Debug)]
pub struct OpenApi;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct OpenApiOptions {
    title: String,
    version: String,
    server: String,
}

impl Default for OpenApiOptions {
    fn default() -> Self {
        Self {
            title: "Ablo API".to_owned(),
            version: "1".to_owned(),
            server: "https://api.abloatai.com/api".to_owned(),
        }
    }
}

impl Target for OpenApi {
    fn id(&self) -> &'static str {
        "openapi"
    }

    fn about(&self) -> &'static str {
        "an OpenAPI 3.1 document of the HTTP routes"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("title", "the title of the document; default \"Ablo API\""),
            ("version", "the version of the documented API; default \"1\""),
            ("server", "the base URL of the routes; default \"https://api.abloatai.com/api\""),
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(read_options::<OpenApiOptions>(options)?))
    }
}

impl Emit for OpenApiOptions {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        files.add("openapi/openapi.json", document(self, &input.shapes.rows));
    }
}

/// A model and the names of its schemas.
struct Entry<'s> {
    shape: &'s RowShape<'s>,
    names: ModelNames,
}

/// Estimated sizes in bytes, to avoid reallocations.
const MODEL_SIZE: usize = 7 << 10;
const FIELD_SIZE: usize = 600;
const SHARED_SIZE: usize = 48 << 10;

/// The schemas of the protocol, printed once per process.
static PROTOCOL: OnceLock<Fragment> = OnceLock::new();

fn protocol_schemas(definitions: &Definitions) -> Fragment {
    let reached = definitions.reached(&shared::ROOTS);
    Fragment::block(3, |schemas| {
        reached.into_iter().for_each(|(name, definition)| schemas.value(name, definition));
    })
}

fn document(options: &OpenApiOptions, rows: &[RowShape<'_>]) -> String {
    let definitions = Definitions::http();
    let mut names = Names::reserve(definitions.names());
    let entries: Vec<Entry<'_>> =
        rows.iter().map(|shape| Entry { shape, names: names.model(shape.model) }).collect();
    let fields: usize = rows.iter().map(|shape| shape.fields.len()).sum();
    write::document(SHARED_SIZE + MODEL_SIZE * rows.len() + FIELD_SIZE * fields, |document| {
        document.string("openapi", "3.1.1");
        document.object("info", |info| {
            info.string("title", &options.title);
            info.string("version", &options.version);
            info.string("description", shared::DESCRIPTION);
        });
        document.string("jsonSchemaDialect", "https://json-schema.org/draft/2020-12/schema");
        document.array("servers", |servers| {
            servers.inline(|server| server.string("url", &options.server))
        });
        document
            .array("security", |security| security.inline(|either| either.strings("bearer", &[])));
        document.array("tags", |tags| {
            entries.iter().for_each(|entry| tags.inline(|tag| models::tag(tag, entry.shape.model)));
            protocol::tags(tags);
        });
        document.object("paths", |paths| {
            let mut routes = models::Routes::default();
            entries.iter().for_each(|entry| routes.paths(paths, entry));
            protocol::paths(paths);
        });
        document.object("components", |components| {
            components.object("schemas", |schemas| {
                let mut rows = RowSchemas::new();
                entries.iter().for_each(|entry| rows.schemas(schemas, entry.shape, &entry.names));
                schemas.fragment(PROTOCOL.get_or_init(|| protocol_schemas(&definitions)));
            });
            shared::components(components);
        });
    })
}
