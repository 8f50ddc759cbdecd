//! A migration as files, for psql and for people.

use crate::migrate::{Migration, Phase, Statement};

const HEADER: &str = "\
-- Written by ablo for PostgreSQL 14 and later: one transaction, which either does all of this or nothing.
-- Afterwards run after-commit.sql. With psql: psql -v ON_ERROR_STOP=1 -f migrate.sql -f after-commit.sql
";

const AFTER_HEADER: &str = "\
-- Written by ablo for PostgreSQL 14 and later: what follows migrate.sql, outside any transaction. Each statement may be run again.
-- With psql: psql -v ON_ERROR_STOP=1 -f after-commit.sql
";

/// The two programs of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFiles {
    /// `migrate.sql`: everything that happens in one transaction, `BEGIN` and `COMMIT` included.
    pub migrate: String,
    /// `after-commit.sql`: what follows.
    pub after_commit: String,
}

/// Writes a migration as its two programs.
#[must_use]
pub fn files(migration: &Migration) -> MigrationFiles {
    let part = |phase| migration.of(phase).map(|statement: &Statement| statement.sql.as_str());
    let mut migrate = String::from(HEADER);
    migrate.push_str("\nSET client_encoding = 'UTF8';\nBEGIN;\n");
    for sql in part(Phase::Transaction) {
        migrate.push_str(sql);
        migrate.push('\n');
    }
    migrate.push_str("COMMIT;\nRESET client_encoding;\n");
    let mut after_commit = String::from(AFTER_HEADER);
    after_commit.push_str("\nSET client_encoding = 'UTF8';\n");
    for sql in part(Phase::AfterCommit) {
        after_commit.push_str(sql);
        after_commit.push('\n');
    }
    after_commit.push_str("RESET client_encoding;\n");
    MigrationFiles { migrate, after_commit }
}
