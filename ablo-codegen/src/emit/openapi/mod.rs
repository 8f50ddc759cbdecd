//! The `openapi` target: an OpenAPI document of the HTTP routes, 3.1 or 3.0.
//!
//! `models` writes the routes of a model, `protocol` the `routes` that belong to no model, and
//! `shared` the parameters, headers, bodies and responses that operations refer to, which keeps a
//! model at a few kilobytes. Row schemas come from the shapes and protocol schemas from the wire
//! types. `v30` converts the document to OpenAPI 3.0.

mod definitions;
mod models;
mod operation;
mod protocol;
mod route;
mod routes;
mod shared;
mod v30;

use super::json::names::{ComponentName, ModelNames, Names, Ref};
use super::json::rows::{Enums, RowSchemas, Style};
use super::json::template::Fragment;
use super::json::write;
use crate::Files;
use crate::shape::RowShape;
use crate::target::{Emit, Input, OptionError, Target, read_options};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// The `openapi` target.
#[derive(Debug)]
pub struct OpenApi;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct OpenApiOptions {
    title: String,
    api_version: String,
    version: Version,
    #[serde(deserialize_with = "one_or_more")]
    servers: Vec<String>,
    enums: Enums,
}

/// The version of OpenAPI. On the command line it is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V30,
    V31,
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        match value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str() {
            "3.0" => Ok(Version::V30),
            "3.1" => Ok(Version::V31),
            other => Err(serde::de::Error::custom(format!(
                "unknown version of OpenAPI `{other}`, expected `3.0` or `3.1`; the version of the \
                 API is `api-version`"
            ))),
        }
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a URL or a list of URLs")]
    enum Urls {
        One(String),
        More(Vec<String>),
    }
    Ok(match Urls::deserialize(from)? {
        Urls::One(url) => vec![url],
        Urls::More(urls) => urls,
    })
}

impl Default for OpenApiOptions {
    fn default() -> Self {
        Self {
            title: "Ablo API".to_owned(),
            api_version: "1".to_owned(),
            version: Version::V31,
            servers: vec!["/api".to_owned()],
            enums: Enums::default(),
        }
    }
}

impl Target for OpenApi {
    fn id(&self) -> &'static str {
        "openapi"
    }

    fn about(&self) -> &'static str {
        "an OpenAPI document of the HTTP routes"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("title", "the title of the document; default \"Ablo API\""),
            ("api-version", "the version of the documented API; default \"1\""),
            ("version", "the version of OpenAPI, `3.1` or `3.0`; default 3.1"),
            ("servers", "the base URL of the routes, or a list of them; default \"/api\""),
            Enums::OPTION,
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(read_options::<OpenApiOptions>(options)?))
    }
}

impl Emit for OpenApiOptions {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let document = document(self, &input.shapes.rows);
        let document = match self.version {
            Version::V31 => document,
            Version::V30 => v30::convert(&document),
        };
        files.add("openapi/openapi.json", document);
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

/// The routes of the protocol, printed once per process.
static ROUTES: OnceLock<Fragment> = OnceLock::new();

fn document(options: &OpenApiOptions, rows: &[RowShape<'_>]) -> String {
    let mut names = Names::reserve(definitions::names());
    let named = rows.iter().zip(names.models(rows));
    let entries: Vec<Entry<'_>> = named.map(|(shape, names)| Entry { shape, names }).collect();
    let fields: usize = rows.iter().map(|shape| shape.fields.len()).sum();
    write::document(SHARED_SIZE + MODEL_SIZE * rows.len() + FIELD_SIZE * fields, |document| {
        document.string("openapi", "3.1.1");
        document.object("info", |info| {
            info.string("title", &options.title);
            info.string("version", &options.api_version);
            info.string("description", shared::DESCRIPTION);
        });
        document.string("jsonSchemaDialect", "https://json-schema.org/draft/2020-12/schema");
        document.array("servers", |servers| {
            let urls = options.servers.iter().map(|url| url.trim_end_matches("/"));
            urls.for_each(|url| servers.inline(|server| server.string("url", url)));
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
            paths.fragment(ROUTES.get_or_init(|| Fragment::block(2, protocol::paths)));
        });
        document.object("components", |components| {
            components.object("schemas", |schemas| {
                let refer: for<'n> fn(&'n ComponentName) -> Ref<'n> = |name| Ref::Model(name);
                let style = Style { refer, enums: options.enums, extensions: true };
                let mut rows = RowSchemas::new(style);
                entries.iter().for_each(|entry| rows.schemas(schemas, entry.shape, &entry.names));
                schemas.fragment(&definitions::schemas());
            });
            shared::components(components);
        });
    })
}
