//! What requests do, as transactions: no sockets, no HTTP, no memory of its own.

pub mod claims;
pub mod commit;
pub mod credentials;
pub(crate) mod data_source_log;
pub mod exchange;
mod filter;
pub mod groups;
pub mod log;
mod memberships;
pub(crate) mod mirror;
pub mod plan;
pub mod read;
mod select;
pub mod sessions;
pub mod table;
pub mod turns;
pub(crate) mod webhooks;

use crate::models::Models;
use crate::store::Dialect;
use ablo_schema::Schema;
use table::Tables;

/// A schema, ready to be worked with in one kind of database.
#[derive(Debug)]
pub struct Engine {
    /// The models.
    pub models: Models,
    /// Their SQL.
    pub tables: Tables,
    /// Which SQL that is.
    pub dialect: Dialect,
}

impl Engine {
    /// Reads a schema.
    #[must_use]
    pub fn new(schema: &Schema, dialect: Dialect) -> Self {
        Self::of(Models::new(schema), dialect)
    }

    /// Takes models as they are.
    #[must_use]
    pub fn of(models: Models, dialect: Dialect) -> Self {
        Self { tables: Tables::new(&models, dialect), models, dialect }
    }
}
