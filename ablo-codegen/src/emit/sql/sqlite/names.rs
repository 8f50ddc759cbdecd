//! Literals and expressions in SQLite syntax.
//!
//! All escaping is done here. Identifiers are shared by all dialects.

pub(crate) use crate::emit::sql::names::{Ident, Names, Sql, sql, to_sql};

use std::borrow::Cow;
use std::fmt::Write as _;

/// A string literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal<'a>(Cow<'a, str>);

impl<'a> Literal<'a> {
    /// Creates a literal from any text. A NUL would end the statement, so it becomes U+FFFD, as on
    /// PostgreSQL.
    pub(crate) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.contains('\0') {
            Self(Cow::Owned(text.replace('\0', "\u{FFFD}")))
        } else {
            Self(text)
        }
    }
}

/// Returns whether an editor, a terminal or a line-based tool would hide or interpret a character.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

impl Sql for Literal<'_> {
    /// SQLite has no escape sequences, so hidden characters are written as `char(n)` between quoted
    /// parts.
    fn write(&self, out: &mut String) {
        let hidden = self.0.contains(is_hidden);
        out.push_str(if hidden { "('" } else { "'" });
        for c in self.0.chars() {
            match c {
                '\'' => out.push_str("''"),
                c if is_hidden(c) => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "' || char({}) || '", u32::from(c));
                }
                c => out.push(c),
            }
        }
        out.push_str(if hidden { "')" } else { "'" });
    }
}

/// A finished part of a statement, created only by `expr!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expr(String);

impl Expr {
    /// Creates an expression from a part.
    pub(crate) fn new(part: &impl Sql) -> Self {
        Self(to_sql(part))
    }

    /// Returns the SQL text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Sql for Expr {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// Joins parts into one expression.
macro_rules! expr {
    ($($part:expr),+ $(,)?) => {{
        let mut parts = crate::emit::sql::sqlite::names::Parts::default();
        $( parts.add(&$part); )+
        crate::emit::sql::sqlite::names::Expr::new(&parts)
    }};
}
pub(crate) use expr;

/// A sequence of parts.
#[derive(Debug, Default)]
pub(crate) struct Parts(String);

impl Parts {
    /// Appends a part.
    pub(crate) fn add(&mut self, part: &impl Sql) {
        part.write(&mut self.0);
    }
}

impl Sql for Parts {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// Parts separated by commas.
pub(crate) struct List<'p, T>(pub(crate) &'p [T]);

impl<T: Sql> Sql for List<'_, T> {
    fn write(&self, out: &mut String) {
        for (at, part) in self.0.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { ", " });
            part.write(out);
        }
    }
}

/// An integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) i128);

impl Sql for Whole {
    fn write(&self, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_double_quotes_and_escape_hidden_characters() {
        let literal = |text: &str| to_sql(&Literal::new(text.to_owned()));
        assert_eq!(literal("it's \\ 😀"), "'it''s \\ 😀'");
        assert_eq!(literal("a\n'\u{202e}"), "('a' || char(10) || '''' || char(8238) || '')");
        assert_eq!(literal("a\0b"), "'a\u{FFFD}b'");
    }
}
