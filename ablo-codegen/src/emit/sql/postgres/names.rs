//! Names and literals as PostgreSQL spells them.
//!
//! Any text comes in, escaped SQL comes out; nothing else in this target quotes or shortens. Identifiers are always
//! quoted, so no list of reserved words is kept, which would differ between server versions.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What can stand in a statement. Besides names and literals only text of this program can: it lives for ever.
///
/// Not `Display`: a schema of a thousand models has a hundred thousand of these, and formatting costs three times as much.
pub(crate) trait Sql {
    /// Writes itself.
    fn write(&self, out: &mut String);
}

impl Sql for &'static str {
    fn write(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl<T: Sql> Sql for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

/// Writes its parts one after the other.
macro_rules! sql {
    ($out:expr, $($part:expr),+ $(,)?) => {{ $( $crate::emit::sql::postgres::names::Sql::write(&$part, $out); )+ }};
}
pub(crate) use sql;

/// What a part writes, by itself.
pub(crate) fn written(part: &impl Sql) -> String {
    let mut out = String::new();
    part.write(&mut out);
    out
}

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

impl Sql for Ident<'_> {
    fn write(&self, out: &mut String) {
        out.push('"');
        for (at, part) in self.0.split('"').enumerate() {
            out.push_str(if at == 0 { "" } else { "\"\"" });
            out.push_str(part);
        }
        out.push('"');
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

impl Sql for Literal<'_> {
    fn write(&self, out: &mut String) {
        let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'\'' && byte != b'\\';
        if self.0.bytes().all(plain) {
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

/// SQL inside SQL: between dollar signs where it can be, so that it reads as written.
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

/// Hands out names that are unique in one scope: a table for constraints, a schema for indexes.
///
/// It remembers hashes: two names that share one cost the second a needless ending, never its uniqueness.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<u64>);

impl Names {
    /// A scope in which these names are in use.
    pub(crate) fn with<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self(taken.into_iter().map(|name| hash(name.as_bytes())).collect())
    }

    /// The parts joined by `_`, as PostgreSQL itself would name the thing; where that is too long or taken, its
    /// beginning and a hash of `parts`.
    pub(crate) fn claim(&mut self, parts: &[&str]) -> Ident<'static> {
        let mut name = parts.join("_");
        if name.len() > MAX_BYTES || !self.0.insert(hash(name.as_bytes())) {
            name = shortened(&name, &parts.join("\0"));
            self.0.insert(hash(name.as_bytes()));
        }
        Ident(Cow::Owned(name))
    }
}

/// 64-bit FNV-1a: the same everywhere and for ever. Names are no secret.
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// The beginning of `name` and a hash of `whole`, together at most 63 bytes.
fn shortened(name: &str, whole: &str) -> String {
    const DIGITS: usize = 12;
    let mut end = name.len().min(MAX_BYTES - DIGITS - 1);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{:0width$x}", &name[..end], hash(whole.as_bytes()) >> 16, width = DIGITS)
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
        assert_eq!(written(&Ident::new(r#"a"b"#)), r#""a""b""#);
        assert_eq!(written(&Ident::new("select")), r#""select""#);
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
        let literal = |text: &str| written(&Literal::new(text.to_owned()));
        assert_eq!(literal("it's 😀"), "'it''s 😀'");
        assert_eq!(literal("back\\slash's"), "E'back\\\\slash''s'");
        assert_eq!(literal("a\tb\nc\u{1}\u{2028}\0"), "E'a\\tb\\nc\\u0001\\u2028\u{FFFD}'");
    }

    #[test]
    fn sql_inside_sql_falls_back_to_a_literal() {
        assert_eq!(written(&Quoted("a = 'b'".to_owned())), "$$a = 'b'$$");
        assert_eq!(written(&Quoted("\"a$$b\" = 'b'".to_owned())), "'\"a$$b\" = ''b'''");
        assert_eq!(written(&Quoted("a$".to_owned())), "'a$'");
    }

    #[test]
    fn two_splits_of_one_name_get_two_names() {
        let mut names = Names::with(["t_x_idx"]);
        assert_eq!(names.claim(&["a_b", "c", "idx"]).as_str(), "a_b_c_idx");
        let other = names.claim(&["a", "b_c", "idx"]);
        assert!(other.as_str().starts_with("a_b_c_idx_"), "{other:?}");
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
