//! The emitters, one folder per target. Rules that do not depend on the target language belong in a
//! shape.

#[cfg(any(feature = "json-schema", feature = "openapi"))]
#[cfg_attr(
    not(all(feature = "json-schema", feature = "openapi")),
    allow(dead_code, reason = "each of the two targets uses a part of it")
)]
mod json;
#[cfg(feature = "json-schema")]
pub mod json_schema;
#[cfg(feature = "openapi")]
pub mod openapi;
#[cfg(feature = "python")]
pub mod python;
#[cfg(feature = "rust")]
pub mod rust;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod sql;
#[cfg(feature = "typescript")]
pub mod typescript;

use crate::target::Target;

/// Returns all targets of this build, in display order.
#[must_use]
pub fn targets() -> &'static [&'static dyn Target] {
    &[
        #[cfg(feature = "rust")]
        &rust::Rust,
        #[cfg(feature = "typescript")]
        &typescript::TypeScript,
        #[cfg(feature = "python")]
        &python::Python,
        #[cfg(feature = "postgres")]
        &sql::postgres::Postgres,
        #[cfg(feature = "sqlite")]
        &sql::sqlite::Sqlite,
        #[cfg(feature = "openapi")]
        &openapi::OpenApi,
        #[cfg(feature = "json-schema")]
        &json_schema::JsonSchema,
    ]
}
