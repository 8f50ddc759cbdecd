//! A migration as files, for psql and for people.

use super::super::super::files::{MigrationFiles, write};
use crate::migrate::{Migration, Phase};

const HEADER: &str = "\
-- Written by ablo for PostgreSQL 14 and later: one transaction, which either does all of this or nothing.
-- Afterwards run after-commit.sql. With psql: psql -v ON_ERROR_STOP=1 -f migrate.sql -f after-commit.sql
";

const AFTER_HEADER: &str = "\
-- Written by ablo for PostgreSQL 14 and later: what follows migrate.sql, outside any transaction. Each statement may be run again.
-- With psql: psql -v ON_ERROR_STOP=1 -f after-commit.sql
";

/// Writes a migration as its two programs. Above the statements of a step stands what `about` says of it, by its position in the diff.
#[must_use]
pub fn files(migration: &Migration, about: &dyn Fn(usize) -> Option<String>) -> MigrationFiles {
    let mut migrate = String::from(HEADER);
    migrate.push_str("\nSET client_encoding = 'UTF8';\nBEGIN;\n");
    write(migration.of(Phase::Transaction), about, &mut migrate);
    migrate.push_str("COMMIT;\nRESET client_encoding;\n");
    let mut after_commit = String::from(AFTER_HEADER);
    after_commit.push_str("\nSET client_encoding = 'UTF8';\n");
    write(migration.of(Phase::AfterCommit), about, &mut after_commit);
    after_commit.push_str("RESET client_encoding;\n");
    MigrationFiles { migrate, after_commit }
}
