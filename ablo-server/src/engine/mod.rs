//! The operations behind requests, as functions over transactions: no sockets, no HTTP, no state in
//! memory.

pub mod claims;
pub mod commit;
pub mod credentials;
pub(crate) mod data_source_log;
pub mod exchange;
mod filter;
pub mod groups;
mod memberships;
pub(crate) mod mirror;
pub mod plan;
pub mod read;
mod select;
pub mod table;
pub mod turns;
pub(crate) mod violation;
pub(crate) mod webhooks;

pub use crate::store::tables::{log, sessions};

use crate::models::Models;
use crate::store::Dialect;
use ablo_schema::Schema;
use table::Tables;

/// A schema prepared for one SQL dialect.
#[derive(Debug)]
pub struct Engine {
    /// The models.
    pub models: Models,
    /// The SQL of the models.
    pub tables: Tables,
    /// The dialect.
    pub dialect: Dialect,
}

impl Engine {
    /// Prepares a schema.
    #[must_use]
    pub fn new(schema: &Schema, dialect: Dialect) -> Self {
        Self::with_models(Models::new(schema), dialect)
    }

    /// Prepares models that are already built.
    #[must_use]
    pub fn with_models(models: Models, dialect: Dialect) -> Self {
        Self { tables: Tables::new(&models, dialect), models, dialect }
    }
}
