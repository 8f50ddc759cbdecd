//! The `sqlite` target: SQL scripts that provision an SQLite database, and migrations between
//! schemas.
//!
//! It writes `sqlite/provision.sql` (the models' tables) and `sqlite/service.sql` (the
//! coordinator's own). `table_defs.rs` and `service.rs` make the definitions of `ddl.rs`,
//! `render.rs` writes them as SQL, and `names.rs` escapes every name and literal.
//!
//! ```sql
//! -- tasks
//! CREATE TABLE IF NOT EXISTS "tasks" (
//!   "id" TEXT NOT NULL,
//!   "organization_id" TEXT NOT NULL,
//!   …
//!   "status" TEXT NOT NULL CONSTRAINT "status_check" CHECK ("status" IN ('open', 'done')),
//!   PRIMARY KEY ("organization_id", "id")
//! ) STRICT;
//! ```

mod ddl;
mod migrate;
mod names;
mod provision;
mod render;
mod service;
mod table_defs;

pub use super::files::MigrationFiles;
use super::layout::LayoutProgram;
pub use migrate::{EPILOGUE, PROLOGUE, files, migrate, migrate_from};
pub use provision::Provision;

use crate::Files;
use crate::migrate::Existing;
use crate::shape::{Layout, tables_in};
use crate::target::{Emit, Input, OptionError, Target, read_options};
use ablo_schema::Schema;
use provision::Title;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The `sqlite` target.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

/// The options of the `sqlite` target.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SqliteOptions {
    /// Whether relations with `fk` become foreign keys.
    pub foreign_keys: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { foreign_keys: true }
    }
}

impl SqliteOptions {
    /// Returns the tables of these options.
    fn tables(self) -> Existing {
        Existing { layout: Layout::CURRENT, foreign_keys: self.foreign_keys }
    }
}

/// Returns the script that provisions a schema's tables.
///
/// ```
/// use ablo_codegen::emit::sql::sqlite::{SqliteOptions, provision};
/// let text = r#"{"v":3,"models":{"notes":{"fields":{"done":{"type":"boolean",
///     "isOptional":false,"isIndexed":false}},"relations":{}}},"identityRoles":[]}"#;
/// let schema = ablo_schema::front::json::read(text).schema.unwrap();
/// let program = provision(&schema, &SqliteOptions::default()).transaction;
/// assert!(program.contains(r#""done" INTEGER NOT NULL CONSTRAINT "done_check""#));
/// ```
#[must_use]
pub fn provision(schema: &Schema, options: &SqliteOptions) -> Provision {
    provision_in(options.tables(), schema)
}

/// Returns the script that provisions a schema's tables in a layout.
#[must_use]
pub fn provision_in(existing: Existing, schema: &Schema) -> Provision {
    let shapes = tables_in(schema, existing.layout);
    let definitions = table_defs::table_defs(&shapes, existing);
    let titles = shapes.iter().map(|shape| Title::Model(shape.model.key.as_str()));
    provision::provision(&titles.zip(definitions).collect::<Vec<_>>())
}

/// Returns the script that provisions the coordinator's own tables, the same for every schema.
#[must_use]
pub fn service() -> Provision {
    service::service()
}

/// Returns the program that brings the coordinator's own tables to the newest layout.
#[must_use]
pub fn layout() -> LayoutProgram {
    service::layout()
}

/// Returns the script that provisions the commit and outbox tables of a data source, next to the
/// tables of an application.
#[must_use]
pub fn source() -> Provision {
    service::source()
}

impl Target for Sqlite {
    fn id(&self) -> &'static str {
        "sqlite"
    }

    fn about(&self) -> &'static str {
        "SQL scripts that provision an SQLite database (3.37 or later); they can be run repeatedly"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[("foreign-keys", "whether relations with `fk` become foreign keys; default true")]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        Ok(Box::new(read_options::<SqliteOptions>(options)?))
    }
}

impl Emit for SqliteOptions {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        files.add("sqlite/provision.sql", provision(input.schema, self).file());
        files.add("sqlite/service.sql", service::service().file_under(service::HEADER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_are_read_strictly() {
        let configured =
            |options: Value| Sqlite.configure(options.as_object().unwrap_or(&Map::new())).is_ok();
        assert!(configured(json!({})) && configured(json!({ "foreign-keys": true })));
        assert!(
            !configured(json!({ "schema": "public" }))
                && !configured(json!({ "foreign-keys": "yes" }))
        );
    }
}
