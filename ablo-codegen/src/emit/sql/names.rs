//! Identifiers and names shared by all SQL dialects, and the trait for parts of a statement.
//!
//! All quoting and shortening is done here. Identifiers are always quoted, because lists of
//! reserved words differ between servers and versions.

use ablo_schema::lookup::Lookup;
use ablo_schema::words;
use std::borrow::Cow;

/// A part of an SQL statement. Besides names and literals, only `'static` text of this program can
/// be one.
///
/// This is not `Display`, because formatting costs three times as much and a schema of a thousand
/// models has a hundred thousand parts.
pub(crate) trait Sql {
    /// Appends the SQL text.
    fn write(&self, out: &mut String);
}

impl Sql for &'static str {
    fn write(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl Sql for u32 {
    fn write(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }
}

impl<T: Sql> Sql for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

/// Appends parts to a string.
macro_rules! sql {
    ($out:expr, $($part:expr),+ $(,)?) => {{
        $( $crate::emit::sql::names::Sql::write(&$part, $out); )+
    }};
}
pub(crate) use sql;

/// Returns the SQL text of a part.
pub(crate) fn to_sql(part: &impl Sql) -> String {
    let mut out = String::with_capacity(USUAL_BYTES);
    part.write(&mut out);
    out
}

/// The room for a part, which few exceed.
const USUAL_BYTES: usize = 192;

/// The maximum length of an identifier in bytes. PostgreSQL truncates longer ones silently.
pub(crate) const MAX_BYTES: usize = 63;

/// An identifier of at most 63 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ident<'a>(Cow<'a, str>);

impl<'a> Ident<'a> {
    /// Creates an identifier. A name that is too long is truncated and gets a hash of the whole
    /// name as its suffix.
    pub(crate) fn new(name: impl Into<Cow<'a, str>>) -> Self {
        let name = name.into();
        if name.len() <= MAX_BYTES { Self(name) } else { Self(Cow::Owned(shortened(&name, &name))) }
    }

    /// Returns the unquoted name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Sql for Ident<'_> {
    fn write(&self, out: &mut String) {
        out.reserve(self.0.len() + 2);
        out.push('"');
        if words::none(&self.0, |word| words::equal(word, b'"')) {
            out.push_str(&self.0);
        } else {
            out.push_str(&self.0.replace('"', "\"\""));
        }
        out.push('"');
    }
}

/// Allocates names that are unique in one scope: a table for constraints, a schema for indexes.
///
/// Only hashes are stored. A hash collision gives the second name a needless suffix but does not
/// break uniqueness.
#[derive(Debug, Default)]
pub(crate) struct Names(Lookup<u64, ()>);

impl Names {
    /// Creates a scope in which these names are taken.
    pub(crate) fn with<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self(taken.into_iter().map(|name| (folded(name), ())).collect())
    }

    /// Makes room for names.
    #[cfg(feature = "postgres")]
    pub(crate) fn reserve(&mut self, names: usize) {
        self.0.reserve(names);
    }

    /// Returns the parts joined by `_`, as in PostgreSQL's default names. If the name is too long
    /// or taken, it is truncated and gets a hash of `parts` as its suffix.
    pub(crate) fn claim(&mut self, parts: &[&str]) -> Ident<'static> {
        let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                name.push('_');
            }
            name.push_str(part);
        }
        if name.len() > MAX_BYTES || self.0.insert(folded(&name), ()).is_some() {
            name = shortened(&name, &parts.join("\0"));
            self.0.insert(folded(&name), ());
        }
        Ident(Cow::Owned(name))
    }
}

/// Hashes a name without regard to case, because SQLite compares names that way.
fn folded(name: &str) -> u64 {
    hash(name.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// 64-bit FNV-1a, which is stable across platforms and versions.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.fold(0xcbf2_9ce4_8422_2325, mix)
}

/// Returns a prefix of `name` and a hash of `whole`, at most 63 bytes together.
fn shortened(name: &str, whole: &str) -> String {
    const DIGITS: usize = 12;
    let mut end = name.len().min(MAX_BYTES - DIGITS - 1);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{:0width$x}", &name[..end], hash(whole.bytes()) >> 16, width = DIGITS)
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
    fn identifiers_have_at_most_63_bytes_and_stay_distinct() {
        let long = |last: char| format!("{}{last}", "é".repeat(40));
        let (a, b) = (Ident::new(long('a')), Ident::new(long('b')));
        assert!(a.as_str().len() <= 63 && b.as_str().len() <= 63);
        assert_ne!(a, b);
        assert_eq!(Ident::new("x".repeat(63)).as_str(), "x".repeat(63));
    }

    #[test]
    fn different_parts_with_the_same_joined_name_get_different_names() {
        let mut names = Names::with(["t_x_idx"]);
        assert_eq!(names.claim(&["a_b", "c", "idx"]).as_str(), "a_b_c_idx");
        let other = names.claim(&["a", "b_c", "idx"]);
        assert!(other.as_str().starts_with("a_b_c_idx_"), "{other:?}");
        assert_ne!(names.claim(&["t", "x", "idx"]).as_str(), "t_x_idx");
    }

    #[test]
    fn names_that_differ_only_in_case_collide() {
        let mut names = Names::with(["Tasks"]);
        assert_ne!(names.claim(&["tasks"]).as_str(), "tasks");
        assert_eq!(names.claim(&["A", "b"]).as_str(), "A_b");
        assert_ne!(names.claim(&["a", "b"]).as_str(), "a_b");
    }
}
