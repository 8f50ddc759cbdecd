//! The operations behind requests, as functions over transactions: no sockets, no HTTP, no state in
//! memory.

pub(crate) mod access;
pub(crate) mod bulk;
pub mod change;
pub mod claims;
pub mod commit;
pub mod credentials;
pub(crate) mod data_source_log;
pub mod delivery;
pub mod exchange;
pub mod exits;
mod filter;
pub mod groups;
pub mod keys;
mod memberships;
pub(crate) mod mirror;
pub mod plan;
pub mod read;
mod relative;
pub(crate) mod resync;
pub mod turns;
pub(crate) mod violation;
pub mod webhooks;

pub use crate::store::tables::{log, sessions};

use crate::models::Models;
use crate::store::Dialect;
use crate::store::rows::{Rows, Tables};
use ablo_schema::Schema;

/// A schema prepared for one SQL dialect.
#[derive(Debug)]
pub struct Engine {
    /// The models.
    pub models: Models,
    /// The SQL of the models.
    tables: Tables,
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
        Self { tables: Tables::new(&models, dialect), models }
    }

    /// Returns the tables of the models.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { models: &self.models, tables: &self.tables }
    }
}
