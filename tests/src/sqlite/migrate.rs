//! Migrations on a real database: run as a driver runs them, and judged by what results.

use super::{Catalogue, apply, catalogue, database, insert, program};
use ablo_codegen::emit::sql::sqlite::{EPILOGUE, PROLOGUE, SqliteOptions, migrate};
use ablo_codegen::migrate::{Migration, Phase};
use ablo_migrate::rows::rows;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff, Hints, diff};
use ablo_schema::front::json;
use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;

/// Two schemas and what helps on the way.
#[derive(Debug)]
pub struct Way {
    /// The schema before.
    pub prev: Schema,
    /// The schema after.
    pub next: Schema,
    /// What a person says of names.
    pub hints: Hints,
    /// What a person says of values.
    pub backfills: Backfills,
}

impl Way {
    /// Reads both schemas, hints and backfills.
    ///
    /// # Panics
    /// When one of them is not valid.
    #[must_use]
    pub fn new(prev: &str, next: &str, hints: &str, backfills: &str) -> Self {
        let (prev, next) = (crate::postgres::schema(prev), crate::postgres::schema(next));
        let (hints, said) = json::read_hints(hints);
        let hints = hints.unwrap_or_else(|| panic!("{said:#?}"));
        let (backfills, said) = json::read_backfills(backfills, &next);
        let backfills = backfills.unwrap_or_else(|| panic!("{said:#?}"));
        Self { prev, next, hints, backfills }
    }

    /// What makes one schema of the other.
    ///
    /// # Panics
    /// When the hints do not fit.
    #[must_use]
    pub fn diff(&self) -> Diff<'_> {
        diff(Some(&self.prev), &self.next, &self.hints).unwrap_or_else(|said| panic!("{said:#?}"))
    }

    /// The statements.
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

    /// Provisions the schema before, with up to this many rows in each table.
    #[must_use]
    pub fn start(&self, count: usize) -> Connection {
        let database = database();
        apply(&database, &program(&self.prev).transaction);
        insert(&database, &rows(&self.prev, count));
        database
    }

    /// Asserts that the database is as the next schema would make it, and that nothing is left to do.
    ///
    /// # Panics
    /// When it is not.
    pub fn check_arrived(&self, database: &Connection, name: &str) {
        let wanted = wanted(&self.next);
        let found = catalogue(database);
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
        for (table, found) in &found {
            assert_eq!(found, &wanted[table], "{name}: {table}");
        }
        let said = apply(database, &program(&self.next).transaction);
        assert_eq!(said, Vec::<String>::new(), "{name}");
        let same = diff(Some(&self.next), &self.next, &Hints::default()).expect("no hints");
        let again = migrate(
            &same,
            Some(&self.next),
            &self.next,
            &self.backfills,
            &SqliteOptions { foreign_keys: true },
        );
        assert!(again.is_empty(), "{name}: the second run has something to do: {again:#?}");
    }
}

fn wanted(next: &Schema) -> Catalogue {
    let database = database();
    apply(&database, &program(next).transaction);
    catalogue(&database)
}

/// Runs a migration as a driver does: all of it, or nothing and why.
///
/// # Errors
/// What SQLite said, with the statement that it said it of.
///
/// # Panics
/// When a statement gives rows, or what surrounds the transaction fails.
pub fn run(database: &Connection, migration: &Migration) -> Result<(), String> {
    database.execute_batch(&PROLOGUE.concat()).expect("pragmas");
    database.execute_batch("BEGIN IMMEDIATE;").expect("a transaction");
    assert_eq!(migration.of(Phase::AfterCommit).count(), 0, "everything is in the transaction");
    let ran = migration.statements.iter().try_for_each(|statement| {
        let mut batch = rusqlite::Batch::new(database, &statement.sql);
        while let Some(mut sql) =
            batch.next().map_err(|error| format!("{error}: {}", statement.sql))?
        {
            let mut rows = sql.query([]).map_err(|error| format!("{error}: {}", statement.sql))?;
            let row = rows.next().map_err(|error| format!("{error}: {}", statement.sql))?;
            assert!(row.is_none(), "{} gives rows", statement.sql);
        }
        Ok(())
    });
    database.execute_batch(if ran.is_ok() { "COMMIT;" } else { "ROLLBACK;" }).expect("an end");
    database.execute_batch(&EPILOGUE.concat()).expect("pragmas");
    ran
}
