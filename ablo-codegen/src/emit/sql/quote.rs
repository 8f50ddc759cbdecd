//! Quoting for programs that build SQL text outside the emitters.

/// Quotes an identifier.
///
/// ```
/// # #[cfg(any(feature = "postgres", feature = "sqlite"))]
/// assert_eq!(ablo_codegen::emit::sql::quoted("a\"b"), "\"a\"\"b\"");
/// ```
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string, for servers that read backslashes as they are: SQLite, and PostgreSQL with
/// `standard_conforming_strings`. The string must not contain U+0000.
///
/// ```
/// # #[cfg(any(feature = "postgres", feature = "sqlite"))]
/// assert_eq!(ablo_codegen::emit::sql::quoted_text("it's"), "'it''s'");
/// ```
#[must_use]
pub fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
