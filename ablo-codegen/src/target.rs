//! The registry of targets, and the input of an emitter.

use crate::Files;
use crate::shape::Shapes;
use ablo_schema::{Hashes, Schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;

/// The input of an emitter.
#[derive(Debug)]
pub struct Input<'s> {
    /// The schema to emit, reduced to the selected models.
    pub schema: &'s Schema,
    /// The shapes of the schema.
    pub shapes: Shapes<'s>,
    /// The hashes of the whole schema, regardless of the selection. Client and server compare them.
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
    /// Returns the id, used on the command line, in `ablo.toml` and as the name of the output
    /// folder.
    fn id(&self) -> &'static str;

    /// Returns a one-line description for `ablo targets`.
    fn about(&self) -> &'static str;

    /// Returns the options as `(name, description with default)`, for `ablo targets`.
    fn options(&self) -> &'static [(&'static str, &'static str)];

    /// Reads the options and returns the configured emitter.
    ///
    /// # Errors
    /// Returns an error if an option is unknown or has an invalid value.
    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError>;
}

/// A configured emitter. Emitting a validated schema cannot fail.
pub trait Emit {
    /// Adds this target's files to `files`.
    fn emit(&self, input: &Input<'_>, files: &mut Files);
}

/// An unknown option, or an option with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The message, which names the option.
    pub message: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionError {}

/// Deserializes options into a target's options struct, which has `#[serde(default,
/// deny_unknown_fields)]`.
pub(crate) fn read_options<T: DeserializeOwned>(
    options: &Map<String, Value>,
) -> Result<T, OptionError> {
    T::deserialize(options).map_err(|error| OptionError { message: error.to_string() })
}
