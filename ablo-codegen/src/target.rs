//! The registry of targets, and what an emitter is given.

use crate::Files;
use crate::shape::Shapes;
use ablo_schema::{Hashes, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;

/// Everything an emitter may read.
#[derive(Debug)]
pub struct Input<'s> {
    /// The schema to emit, already narrowed to the selected models.
    pub schema: &'s Schema,
    /// The same, as artifacts see it.
    pub shapes: Shapes<'s>,
    /// Hashes of the whole schema: what client and server compare, whatever was selected.
    pub hashes: &'s Hashes,
}

impl<'s> Input<'s> {
    /// Lowers a schema into the shapes that all emitters share.
    #[must_use]
    pub fn new(schema: &'s Schema, hashes: &'s Hashes) -> Self {
        Self { schema, shapes: Shapes::new(schema), hashes }
    }
}

/// One kind of output.
pub trait Target: Sync {
    /// Its name on the command line and in `ablo.toml`, also the folder its files go to.
    fn id(&self) -> &'static str;

    /// One line on what it writes, for `ablo targets`.
    fn about(&self) -> &'static str;

    /// The options it takes, `(name, meaning and default)`, for `ablo targets`.
    fn options(&self) -> &'static [(&'static str, &'static str)];

    /// Reads the options.
    ///
    /// # Errors
    /// When one is unknown or has a value of the wrong kind.
    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError>;
}

/// A configured emitter. A checked schema always emits.
pub trait Emit {
    /// Adds this target's files.
    fn emit(&self, input: &Input<'_>, files: &mut Files);
}

/// An option that its target does not take, or not with this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// What is wrong, naming the option.
    pub message: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionError {}

/// Reads options into a target's own options struct (`#[serde(default, deny_unknown_fields)]`).
pub(crate) fn read_options<T: DeserializeOwned>(
    options: &Map<String, Value>,
) -> Result<T, OptionError> {
    T::deserialize(options).map_err(|error| OptionError { message: error.to_string() })
}

/// Every target that this build has, in the order in which people read them.
#[must_use]
pub fn targets() -> &'static [&'static dyn Target] {
    &[
        #[cfg(feature = "rust")]
        &crate::emit::rust::Rust,
        #[cfg(feature = "typescript")]
        &crate::emit::typescript::TypeScript,
        #[cfg(feature = "postgres")]
        &crate::emit::sql::postgres::Postgres,
        #[cfg(feature = "sqlite")]
        &crate::emit::sql::sqlite::Sqlite,
        #[cfg(feature = "openapi")]
        &crate::emit::openapi::OpenApi,
        #[cfg(feature = "json-schema")]
        &crate::emit::json_schema::JsonSchema,
    ]
}
