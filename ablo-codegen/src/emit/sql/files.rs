//! Writes a migration as SQL files, for all dialects.

use crate::migrate::Statement;

/// The two SQL scripts of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFiles {
    /// `migrate.sql`: the transaction, with `BEGIN` and `COMMIT`.
    pub migrate: String,
    /// `after-commit.sql`: the statements after the commit.
    pub after_commit: String,
}

/// Writes statements. `about` returns the comment above the statements of a step.
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
            // Line breaks are replaced, so that a name or value cannot end the comment.
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
