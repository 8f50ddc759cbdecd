//! Runs migrations on a real database like a driver and checks the result.

use super::{Catalogue, apply, catalogue, database, insert, program};
use ablo_codegen::emit::sql::sqlite::{EPILOGUE, PROLOGUE, SqliteOptions, migrate};
use ablo_codegen::migrate::{Migration, Phase};
use ablo_migrate::rows::rows;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff, Hints, diff};
use ablo_schema::front::json;
use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;

/// A migration between two schemas.
#[derive(Debug)]
pub struct MigrationCase {
    /// The previous schema.
    pub prev: Schema,
    /// The next schema.
    pub next: Schema,
    /// Rename and drop hints.
    pub hints: Hints,
    /// Backfills for new required fields.
    pub backfills: Backfills,
}

impl MigrationCase {
    /// Reads both schemas, hints and backfills.
    ///
    /// # Panics
    /// Panics if one of them is invalid.
    #[must_use]
    pub fn new(prev: &str, next: &str, hints: &str, backfills: &str) -> Self {
        let (prev, next) = (crate::postgres::schema(prev), crate::postgres::schema(next));
        let (hints, diagnostics) = json::read_hints(hints);
        let hints = hints.unwrap_or_else(|| panic!("{diagnostics:#?}"));
        let (backfills, diagnostics) = json::read_backfills(backfills, &next);
        let backfills = backfills.unwrap_or_else(|| panic!("{diagnostics:#?}"));
        Self { prev, next, hints, backfills }
    }

    /// Returns the diff of the schemas.
    ///
    /// # Panics
    /// Panics if the hints do not match the schemas.
    #[must_use]
    pub fn diff(&self) -> Diff<'_> {
        diff(Some(&self.prev), &self.next, &self.hints)
            .unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
    }

    /// Returns the migration.
    #[must_use]
    pub fn migration(&self) -> Migration {
        migrate(
            &self.diff(),
            Some(&self.prev),
            &self.next,
            &self.backfills,
            &SqliteOptions { foreign_keys: true },
        )
    }

    /// Provisions the previous schema, with up to `count` rows in each table.
    #[must_use]
    pub fn start(&self, count: usize) -> Connection {
        let database = database();
        apply(&database, &program(&self.prev).transaction);
        insert(&database, &rows(&self.prev, count));
        database
    }

    /// Asserts that the database equals a freshly provisioned one and that a second migration is
    /// empty.
    ///
    /// # Panics
    /// Panics if it does not.
    pub fn check_migrated(&self, database: &Connection, name: &str) {
        let expected = provisioned(&self.next);
        let found = catalogue(database);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}");
        for (table, found) in &found {
            assert_eq!(found, &expected[table], "{name}: {table}");
        }
        let warnings = apply(database, &program(&self.next).transaction);
        assert_eq!(warnings, Vec::<String>::new(), "{name}");
        let same = diff(Some(&self.next), &self.next, &Hints::default()).expect("no hints");
        let again = migrate(
            &same,
            Some(&self.next),
            &self.next,
            &self.backfills,
            &SqliteOptions { foreign_keys: true },
        );
        assert!(again.is_empty(), "{name}: the second migration is not empty: {again:#?}");
    }
}

fn provisioned(next: &Schema) -> Catalogue {
    let database = database();
    apply(&database, &program(next).transaction);
    catalogue(&database)
}

/// Runs a migration in one transaction, like a driver.
///
/// # Errors
/// Returns SQLite's message and the failed statement.
///
/// # Panics
/// Panics if a statement returns rows, or if the pragmas around the transaction fail.
pub fn run(database: &Connection, migration: &Migration) -> Result<(), String> {
    database.execute_batch(&PROLOGUE.concat()).expect("pragmas");
    database.execute_batch("BEGIN IMMEDIATE;").expect("a transaction");
    assert_eq!(
        migration.of(Phase::AfterCommit).count(),
        0,
        "all statements are in the transaction"
    );
    let ran = migration.statements.iter().try_for_each(|statement| {
        let mut batch = rusqlite::Batch::new(database, &statement.sql);
        while let Some(mut sql) =
            batch.next().map_err(|error| format!("{error}: {}", statement.sql))?
        {
            let mut rows = sql.query([]).map_err(|error| format!("{error}: {}", statement.sql))?;
            let row = rows.next().map_err(|error| format!("{error}: {}", statement.sql))?;
            assert!(row.is_none(), "{} returns rows", statement.sql);
        }
        Ok(())
    });
    database.execute_batch(if ran.is_ok() { "COMMIT;" } else { "ROLLBACK;" }).expect("an end");
    database.execute_batch(&EPILOGUE.concat()).expect("pragmas");
    ran
}
