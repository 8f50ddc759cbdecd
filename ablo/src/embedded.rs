//! `App::embedded()`: a coordinator inside the program that uses it.

use crate::descriptor::{SchemaDescriptor, SchemaError};
pub use ablo_server::Embedded;
use std::fmt;

/// The reason why there is no embedded coordinator.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The schema has faults as a whole.
    Schema(SchemaError),
    /// The coordinator does not start.
    Start(ablo_server::EngineError),
}

impl fmt::Display for EmbeddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(error) => error.fmt(f),
            Self::Start(error) => write!(f, "the coordinator does not start: {error}"),
        }
    }
}

impl std::error::Error for EmbeddedError {}

/// Starts an empty in-memory coordinator of a schema on the current tokio runtime.
///
/// # Errors
/// Returns the faults of the schema, or why the tables cannot be created.
pub async fn embedded(schema: &SchemaDescriptor) -> Result<Embedded, EmbeddedError> {
    let schema = schema.schema().map_err(EmbeddedError::Schema)?;
    ablo_server::embedded(&schema).await.map_err(EmbeddedError::Start)
}
