//! A migration as files, for the `sqlite3` shell and for people.

use super::super::super::files::{MigrationFiles, write};
use super::{EPILOGUE, PROLOGUE};
use crate::migrate::{Migration, Phase};

const HEADER: &str = "\
-- Written by ablo for SQLite 3.37 and later: one transaction, which either does all of this or nothing.
-- With sqlite3: sqlite3 -bail app.db < migrate.sql
";

const AFTER_HEADER: &str = "\
-- Written by ablo for SQLite 3.37 and later: nothing follows the commit of migrate.sql.
";

/// Writes a migration as its two programs. Above the statements of a step stands what `about` says of it, by its position in the diff.
#[must_use]
pub fn files(migration: &Migration, about: &dyn Fn(usize) -> Option<String>) -> MigrationFiles {
    let mut migrate = format!("{HEADER}\n{}\nBEGIN IMMEDIATE;\n", PROLOGUE.join("\n"));
    write(migration.of(Phase::Transaction), about, &mut migrate);
    migrate.push_str("COMMIT;\n");
    migrate.extend(EPILOGUE.iter().flat_map(|pragma| [pragma, "\n"]));
    MigrationFiles { migrate, after_commit: AFTER_HEADER.to_owned() }
}
