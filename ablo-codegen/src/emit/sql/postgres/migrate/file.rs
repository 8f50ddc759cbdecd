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

fn write<'m>(
    statements: impl Iterator<Item = &'m Statement>,
    about: &dyn Fn(usize) -> Option<String>,
    out: &mut String,
) {
    let mut last = None;
    for statement in statements {
        if statement.cause != last
            && let Some(text) = statement.cause.and_then(about)
        {
            out.push_str("\n-- ");
            // Whatever a name or value holds, a comment ends with its line.
            out.extend(
                text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }),
            );
            out.push('\n');
        }
        last = statement.cause;
        out.push_str(&statement.sql);
        out.push('\n');
    }
}
