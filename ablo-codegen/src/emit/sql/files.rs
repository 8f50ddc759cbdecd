//! A migration as files: what every dialect's have.

use crate::migrate::Statement;

/// The two programs of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFiles {
    /// `migrate.sql`: everything that happens in one transaction, `BEGIN` and `COMMIT` included.
    pub migrate: String,
    /// `after-commit.sql`: what follows.
    pub after_commit: String,
}

/// Writes statements, above those of a step what `about` says of it.
pub(crate) fn write<'m>(
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
            out.extend(text.chars().map(|c| {
                if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }
            }));
            out.push('\n');
        }
        last = statement.cause;
        out.push_str(&statement.sql);
        out.push('\n');
    }
}
