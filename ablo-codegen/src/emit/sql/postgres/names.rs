//! Literals and names in PostgreSQL syntax.
//!
//! All escaping is done here. Identifiers are shared by all dialects.

use ablo_schema::words::{self, HIGH, below, equal};
use std::borrow::Cow;
use std::fmt::Write as _;

pub(crate) use crate::emit::sql::names::{Ident, MAX_BYTES, Names, Sql, sql, to_sql};

/// A string literal that does not depend on `standard_conforming_strings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal<'a>(pub(crate) Cow<'a, str>);

impl<'a> Literal<'a> {
    /// Creates a literal from any text. PostgreSQL cannot store NUL, so it becomes U+FFFD.
    pub(crate) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }
}

/// Returns whether an editor, a terminal or a line-based tool would hide or interpret a character.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Returns whether a text has only printable ASCII, without quotes and backslashes.
fn is_plain(text: &str) -> bool {
    words::none(text, |word| {
        let control = below(word, b' ') | equal(word, 0x7f);
        control | equal(word, b'\'') | equal(word, b'\\') | (word & HIGH)
    })
}

impl Sql for Literal<'_> {
    fn write(&self, out: &mut String) {
        if is_plain(&self.0) {
            out.reserve(self.0.len() + 2);
            out.push('\'');
            out.push_str(&self.0);
        } else {
            let escaped = self.0.chars().any(|c| c == '\\' || is_hidden(c));
            out.push_str(if escaped { "E'" } else { "'" });
            self.0.chars().for_each(|c| escape(c, out));
        }
        out.push('\'');
    }
}

fn escape(c: char, out: &mut String) {
    match c {
        '\'' => out.push_str("''"),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push(char::REPLACEMENT_CHARACTER),
        c if is_hidden(c) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04X}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// A part of many statements, which is written once and then copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed(String);

impl Printed {
    /// Writes a part.
    pub(crate) fn new(part: &impl Sql) -> Self {
        Self(to_sql(part))
    }
}

impl Sql for Printed {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

/// SQL inside SQL: dollar-quoted if possible, so that it stays readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quoted(pub(crate) String);

impl Sql for Quoted {
    fn write(&self, out: &mut String) {
        if self.0.contains("$$") || self.0.ends_with('$') {
            Literal::new(self.0.as_str()).write(out);
        } else {
            out.push_str("$$");
            out.push_str(&self.0);
            out.push_str("$$");
        }
    }
}

/// Returns the schema name of an organisation's app.
pub(crate) fn app_schema(organization: &str) -> Ident<'static> {
    let lower = organization.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit())
        .filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("_");
    slug.truncate(50);
    Ident::new(format!("app_{}", if slug.is_empty() { "x" } else { &slug }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_escape_only_where_needed() {
        let literal = |text: &str| to_sql(&Literal::new(text.to_owned()));
        assert_eq!(literal("it's 😀"), "'it''s 😀'");
        assert_eq!(literal("back\\slash's"), "E'back\\\\slash''s'");
        assert_eq!(literal("a\tb\nc\u{1}\u{2028}\0"), "E'a\\tb\\nc\\u0001\\u2028\u{FFFD}'");
    }

    #[test]
    fn sql_inside_sql_falls_back_to_a_literal() {
        assert_eq!(to_sql(&Quoted("a = 'b'".to_owned())), "$$a = 'b'$$");
        assert_eq!(to_sql(&Quoted("\"a$$b\" = 'b'".to_owned())), "'\"a$$b\" = ''b'''");
        assert_eq!(to_sql(&Quoted("a$".to_owned())), "'a$'");
    }

    #[test]
    fn schemas_are_named_after_organisations() {
        let slug = |id: &str| app_schema(id).as_str().to_owned();
        assert_eq!(slug("Acme Org-42"), "app_acme_org_42");
        assert_eq!(slug("--Ä--"), "app_x");
        assert_eq!(slug(""), "app_x");
        assert_eq!(slug("__a..b__"), "app_a_b");
        assert_eq!(slug(&"ab".repeat(40)), format!("app_{}", "ab".repeat(25)));
        assert_eq!(slug("\u{212A}elvin"), "app_kelvin");
    }
}
