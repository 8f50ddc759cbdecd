//! The `postgres` target: SQL scripts that provision a PostgreSQL database.
//!
//! It writes `postgres/provision.sql` (the models' tables) and `postgres/service.sql` (the
//! coordinator's own). `table_defs.rs` defines the objects, `provision.rs` and `service.rs` choose
//! the statements of `ddl.rs`, `render.rs` writes them as SQL, and `names.rs` escapes every name
//! and literal.
//!
//! ```sql
//! -- tasks
//! CREATE TABLE IF NOT EXISTS "public"."tasks" (
//!   "id" text NOT NULL,
//!   "organization_id" text NOT NULL,
//!   …
//!   "status" text NOT NULL,
//!   PRIMARY KEY ("organization_id", "id")
//! );
//! CALL pg_temp.ablo_columns('"public"."tasks"', 'text', ARRAY['id', 'organization_id', …]);
//! CALL pg_temp.ablo_enum('"public"."tasks"', 'tasks_status_check', 'status', ARRAY['open', …]);
//! CALL pg_temp.ablo_isolate('"public"."tasks"',
//!   $$"organization_id" = current_setting('app.current_org_id', true)$$);
//! ```

mod ddl;
mod expected;
mod migrate;
mod names;
mod provision;
mod render;
mod service;
mod table_defs;

pub use super::files::MigrationFiles;
use super::layout::LayoutProgram;
pub use expected::{
    Constant, Expected, ExpectedCheck, ExpectedColumn, ExpectedDefault, ExpectedIndex, ExpectedKey,
    POLICY, expected,
};
pub use migrate::{Change, Touched, files, migrate, migrate_from, touched};
pub use provision::Provision;

use crate::Files;
use crate::shape::{Layout, tables};
use crate::target::{Emit, Input, OptionError, Target, read_options};
use ablo_schema::Schema;
use names::{Ident, MAX_BYTES, app_schema};
use serde::Deserialize;
use serde_json::{Map, Value};
use table_defs::ResolvedOptions;

/// The `postgres` target.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

/// The options of the `postgres` target.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PostgresOptions {
    /// The schema of the tables. The default is `public`, unless an organisation is given.
    pub schema: Option<String>,
    /// An organisation, whose tables live in their own schema `app_<organisation>`. The schema is
    /// created if it does not exist.
    pub organization: Option<String>,
    /// Whether relations with `fk` become foreign keys.
    pub foreign_keys: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { schema: None, organization: None, foreign_keys: true }
    }
}

impl PostgresOptions {
    /// Returns the name of the schema that has the tables.
    ///
    /// # Errors
    /// Returns an error if the options contradict each other or the schema name is invalid.
    pub fn schema_name(&self) -> Result<String, OptionError> {
        Ok(self.resolve()?.schema.as_str().to_owned())
    }

    fn resolve(&self) -> Result<ResolvedOptions<'_>, OptionError> {
        let schema = match (&self.schema, &self.organization) {
            (Some(_), Some(_)) => {
                return Err(wrong("`schema` and `organization` cannot both be set"));
            }
            (_, Some(organization)) => app_schema(organization),
            (Some(schema), None)
                if schema.is_empty() || schema.len() > MAX_BYTES || schema.contains('\0') =>
            {
                return Err(wrong("`schema` must have 1 to 63 bytes and no NUL"));
            }
            (Some(schema), None) => Ident::new(schema.as_str()),
            (None, None) => Ident::new("public"),
        };
        Ok(ResolvedOptions {
            schema,
            own_schema: self.organization.is_some(),
            foreign_keys: self.foreign_keys,
            layout: Layout::CURRENT,
        })
    }
}

fn wrong(message: &str) -> OptionError {
    OptionError { message: message.to_owned() }
}

/// Returns the script that provisions a schema's tables.
///
/// # Errors
/// Returns an error if the options contradict each other or the schema name is invalid.
pub fn provision(schema: &Schema, options: &PostgresOptions) -> Result<Provision, OptionError> {
    Ok(provision::provision(&tables(schema), &options.resolve()?))
}

/// Returns the script that provisions the coordinator's own tables, the same for every schema.
///
/// # Errors
/// Returns an error if the options contradict each other or the schema name is invalid.
pub fn service(options: &PostgresOptions) -> Result<Provision, OptionError> {
    Ok(service::service(&options.resolve()?))
}

/// Returns the program that brings the coordinator's own tables to the newest layout.
///
/// # Errors
/// Returns an error if the options contradict each other or the schema name is invalid.
pub fn layout(options: &PostgresOptions) -> Result<LayoutProgram, OptionError> {
    Ok(service::layout(&options.resolve()?))
}

/// Returns the script that provisions the commit and outbox tables of a data source, next to the
/// tables of an application.
///
/// # Errors
/// Returns an error if the options contradict each other or the schema name is invalid.
pub fn source(options: &PostgresOptions) -> Result<Provision, OptionError> {
    Ok(service::source(&options.resolve()?))
}

impl Target for Postgres {
    fn id(&self) -> &'static str {
        "postgres"
    }

    fn about(&self) -> &'static str {
        "SQL scripts that provision a PostgreSQL database (14 or later); they can be run repeatedly"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("schema", "the schema that has the tables; default \"public\""),
            (
                "organization",
                "instead of schema: an organisation, whose tables live in app_<organisation>; \
                 default none",
            ),
            ("foreign-keys", "whether relations with `fk` become foreign keys; default true"),
        ]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        let options: PostgresOptions = read_options(options)?;
        options.resolve()?;
        Ok(Box::new(options))
    }
}

impl Emit for PostgresOptions {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        // `configure` has validated the options, so this cannot fail.
        if let Ok(plan) = self.resolve() {
            files.add(
                "postgres/provision.sql",
                provision::provision(&tables(input.schema), &plan).file(),
            );
            files.add("postgres/service.sql", service::service(&plan).file_under(service::HEADER));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn configured(options: Value) -> Result<(), String> {
        let options = options.as_object().cloned().unwrap_or_default();
        Postgres.configure(&options).map(drop).map_err(|error| error.message)
    }

    #[test]
    fn options_are_read_strictly() {
        assert_eq!(configured(json!({})), Ok(()));
        assert_eq!(configured(json!({ "organization": "Acme", "foreign-keys": true })), Ok(()));
        assert!(configured(json!({ "foreignKeys": true })).is_err());
        assert!(configured(json!({ "foreign-keys": "yes" })).is_err());
    }

    #[test]
    fn invalid_schemas_are_refused() {
        assert!(configured(json!({ "schema": "" })).is_err());
        assert!(configured(json!({ "schema": "x".repeat(64) })).is_err());
        assert!(configured(json!({ "schema": "a\0b" })).is_err());
        assert!(configured(json!({ "schema": "a", "organization": "b" })).is_err());
    }
}
