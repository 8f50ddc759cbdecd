//! Names and literals as PostgreSQL spells them.
//!
//! Any text comes in, escaped SQL comes out; nothing else in this target quotes or shortens. Identifiers are always
//! quoted, so no list of reserved words is kept, which would differ between server versions.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// The longest identifier, in bytes; the server would cut a longer one without a word.
pub(crate) const MAX_BYTES: usize = 63;

/// An identifier of at most 63 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ident<'a>(Cow<'a, str>);

impl<'a> Ident<'a> {
    /// Takes a name; one that is too long is cut and told apart by a hash of the whole.
    pub(crate) fn new(name: impl Into<Cow<'a, str>>) -> Self {
        let name = name.into();
        if name.len() <= MAX_BYTES { Self(name) } else { Self(Cow::Owned(shortened(&name, &name))) }
    }

    /// The bare name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for (at, part) in self.0.split('"').enumerate() {
            f.write_str(if at == 0 { "" } else { "\"\"" })?;
            f.write_str(part)?;
        }
        f.write_char('"')
    }
}

/// A text literal that reads the same whatever `standard_conforming_strings` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal<'a>(pub(crate) Cow<'a, str>);

impl<'a> Literal<'a> {
    /// Takes any text. PostgreSQL holds no NUL: it becomes U+FFFD.
    pub(crate) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }
}

/// Characters that an editor, a terminal or a line-based tool would hide or act on.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.chars().any(|c| c == '\\' || is_hidden(c));
        f.write_str(if escaped { "E'" } else { "'" })?;
        if !escaped && !self.0.contains('\'') {
            f.write_str(&self.0)?;
        } else {
            for c in self.0.chars() {
                match c {
                    '\'' => f.write_str("''")?,
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    '\0' => f.write_str("\u{FFFD}")?,
                    c if is_hidden(c) => write!(f, "\\u{:04X}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
        }
        f.write_char('\'')
    }
}

/// SQL inside SQL: between dollar signs where it can be, so that it reads as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quoted(pub(crate) String);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains("$$") || self.0.ends_with('$') {
            Literal::new(self.0.as_str()).fmt(f)
        } else {
            write!(f, "$${}$$", self.0)
        }
    }
}

/// Hands out names that are unique in one scope: a table for constraints, a schema for indexes.
#[derive(Debug, Default)]
pub(crate) struct Names<'a>(BTreeSet<Cow<'a, str>>);

impl<'a> Names<'a> {
    /// A scope in which these names are in use.
    pub(crate) fn with(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self(taken.into_iter().map(Cow::Borrowed).collect())
    }

    /// The parts joined by `_`, as PostgreSQL itself would name the thing; where that is too long or taken, its
    /// beginning and a hash of `parts`.
    pub(crate) fn claim(&mut self, parts: &[&str]) -> Ident<'static> {
        let mut name = parts.join("_");
        if name.len() > MAX_BYTES || self.0.contains(name.as_str()) {
            name = shortened(&name, &parts.join("\0"));
        }
        self.0.insert(Cow::Owned(name.clone()));
        Ident(Cow::Owned(name))
    }
}

/// The beginning of `name` and a hash of `whole`, together at most 63 bytes.
fn shortened(name: &str, whole: &str) -> String {
    const DIGITS: usize = 12;
    let mut end = name.len().min(MAX_BYTES - DIGITS - 1);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    // 64-bit FNV-1a: stable everywhere, and names are no secret.
    let hash = whole
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{}_{:0width$x}", &name[..end], hash >> 16, width = DIGITS)
}

/// The schema of an organisation's app.
pub(crate) fn app_schema(organization: &str) -> Ident<'static> {
    let lower = organization.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("_");
    slug.truncate(50);
    Ident::new(format!("app_{}", if slug.is_empty() { "x" } else { &slug }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_doubles_quotes() {
        assert_eq!(Ident::new(r#"a"b"#).to_string(), r#""a""b""#);
        assert_eq!(Ident::new("select").to_string(), r#""select""#);
    }

    #[test]
    fn an_identifier_has_63_bytes_at_most_and_stays_distinct() {
        let long = |last: char| format!("{}{last}", "é".repeat(40));
        let (a, b) = (Ident::new(long('a')), Ident::new(long('b')));
        assert!(a.as_str().len() <= 63 && b.as_str().len() <= 63);
        assert_ne!(a, b);
        assert_eq!(Ident::new("x".repeat(63)).as_str(), "x".repeat(63));
    }

    #[test]
    fn a_literal_escapes_only_where_it_must() {
        let literal = |text: &str| Literal::new(text.to_owned()).to_string();
        assert_eq!(literal("it's 😀"), "'it''s 😀'");
        assert_eq!(literal("back\\slash's"), "E'back\\\\slash''s'");
        assert_eq!(literal("a\tb\nc\u{1}\u{2028}\0"), "E'a\\tb\\nc\\u0001\\u2028\u{FFFD}'");
    }

    #[test]
    fn sql_inside_sql_falls_back_to_a_literal() {
        assert_eq!(Quoted("a = 'b'".to_owned()).to_string(), "$$a = 'b'$$");
        assert_eq!(Quoted("\"a$$b\" = 'b'".to_owned()).to_string(), "'\"a$$b\" = ''b'''");
        assert_eq!(Quoted("a$".to_owned()).to_string(), "'a$'");
    }

    #[test]
    fn two_splits_of_one_name_get_two_names() {
        let mut names = Names::with(["t_x_idx"]);
        assert_eq!(names.claim(&["a_b", "c", "idx"]).as_str(), "a_b_c_idx");
        let other = names.claim(&["a", "b_c", "idx"]);
        assert!(other.as_str().starts_with("a_b_c_idx_"), "{other}");
        assert_ne!(names.claim(&["t", "x", "idx"]).as_str(), "t_x_idx");
    }

    #[test]
    fn a_schema_is_named_after_its_organisation() {
        let slug = |id: &str| app_schema(id).as_str().to_owned();
        assert_eq!(slug("Acme Org-42"), "app_acme_org_42");
        assert_eq!(slug("--Ä--"), "app_x");
        assert_eq!(slug(""), "app_x");
        assert_eq!(slug("__a..b__"), "app_a_b");
        assert_eq!(slug(&"ab".repeat(40)), format!("app_{}", "ab".repeat(25)));
        assert_eq!(slug("\u{212A}elvin"), "app_kelvin");
    }
}
