//! Names as every dialect spells them, and what can stand in a statement.
//!
//! Any text comes in, quoted SQL comes out; nothing else quotes or shortens. Identifiers are always quoted, so no list of
//! reserved words is kept, which would differ between servers and versions.

use std::borrow::Cow;
use std::collections::BTreeSet;

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
    ($out:expr, $($part:expr),+ $(,)?) => {{ $( $crate::emit::sql::names::Sql::write(&$part, $out); )+ }};
}
pub(crate) use sql;

/// What a part writes, by itself.
pub(crate) fn to_sql(part: &impl Sql) -> String {
    let mut out = String::new();
    part.write(&mut out);
    out
}

/// The longest identifier, in bytes; PostgreSQL would cut a longer one without a word.
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

/// Hands out names that are unique in one scope: a table for constraints, a schema for indexes.
///
/// It remembers hashes: two names that share one cost the second a needless ending, never its uniqueness.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<u64>);

impl Names {
    /// A scope in which these names are in use.
    pub(crate) fn with<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self(taken.into_iter().map(folded).collect())
    }

    /// The parts joined by `_`, as PostgreSQL itself would name the thing; where that is too long or taken, its
    /// beginning and a hash of `parts`.
    pub(crate) fn claim(&mut self, parts: &[&str]) -> Ident<'static> {
        let mut name = parts.join("_");
        if name.len() > MAX_BYTES || !self.0.insert(folded(&name)) {
            name = shortened(&name, &parts.join("\0"));
            self.0.insert(folded(&name));
        }
        Ident(Cow::Owned(name))
    }
}

/// The hash of a name, whatever its case: names that differ in nothing else are one to SQLite.
fn folded(name: &str) -> u64 {
    hash(name.to_ascii_lowercase().as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_doubles_quotes() {
        assert_eq!(to_sql(&Ident::new(r#"a"b"#)), r#""a""b""#);
        assert_eq!(to_sql(&Ident::new("select")), r#""select""#);
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
    fn two_splits_of_one_name_get_two_names() {
        let mut names = Names::with(["t_x_idx"]);
        assert_eq!(names.claim(&["a_b", "c", "idx"]).as_str(), "a_b_c_idx");
        let other = names.claim(&["a", "b_c", "idx"]);
        assert!(other.as_str().starts_with("a_b_c_idx_"), "{other:?}");
        assert_ne!(names.claim(&["t", "x", "idx"]).as_str(), "t_x_idx");
    }

    #[test]
    fn names_that_differ_only_in_case_are_one_to_sqlite() {
        let mut names = Names::with(["Tasks"]);
        assert_ne!(names.claim(&["tasks"]).as_str(), "tasks");
        assert_eq!(names.claim(&["A", "b"]).as_str(), "A_b");
        assert_ne!(names.claim(&["a", "b"]).as_str(), "a_b");
    }
}
