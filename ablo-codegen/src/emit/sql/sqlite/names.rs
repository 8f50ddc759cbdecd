//! Literals as SQLite spells them.
//!
//! Any text comes in, escaped SQL comes out. Identifiers are those that all dialects share.

pub(crate) use crate::emit::sql::names::{Ident, Names, Sql, sql, to_sql};

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal<'a>(Cow<'a, str>);

impl<'a> Literal<'a> {
    /// Takes any text. A NUL would end the statement: it becomes U+FFFD, as on PostgreSQL.
    pub(crate) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.contains('\0') {
            Self(Cow::Owned(text.replace('\0', "\u{FFFD}")))
        } else {
            Self(text)
        }
    }
}

/// Characters that an editor, a terminal or a line-based tool would hide or act on.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

impl Sql for Literal<'_> {
    /// SQLite has no escapes: hidden characters stand by their numbers between quoted parts.
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

/// A finished part of a statement, made by `sql!` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expr(String);

impl Expr {
    /// What the parts write.
    pub(crate) fn new(part: &impl Sql) -> Self {
        Self(to_sql(part))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Sql for Expr {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// Joins parts to one expression.
macro_rules! expr {
    ($($part:expr),+ $(,)?) => {{
        let mut parts = crate::emit::sql::sqlite::names::Parts::default();
        $( parts.add(&$part); )+
        crate::emit::sql::sqlite::names::Expr::new(&parts)
    }};
}
pub(crate) use expr;

/// Parts that were written one after the other.
#[derive(Debug, Default)]
pub(crate) struct Parts(String);

impl Parts {
    /// Writes one more.
    pub(crate) fn add(&mut self, part: &impl Sql) {
        part.write(&mut self.0);
    }
}

impl Sql for Parts {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// Several parts with a comma between.
pub(crate) struct List<'p, T>(pub(crate) &'p [T]);

impl<T: Sql> Sql for List<'_, T> {
    fn write(&self, out: &mut String) {
        for (at, part) in self.0.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { ", " });
            part.write(out);
        }
    }
}

/// A whole number.
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
    fn a_literal_doubles_quotes_and_names_what_is_hidden() {
        let literal = |text: &str| to_sql(&Literal::new(text.to_owned()));
        assert_eq!(literal("it's \\ 😀"), "'it''s \\ 😀'");
        assert_eq!(literal("a\n'\u{202e}"), "('a' || char(10) || '''' || char(8238) || '')");
        assert_eq!(literal("a\0b"), "'a\u{FFFD}b'");
    }
}
