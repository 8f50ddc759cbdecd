//! The names of a schema, one type per kind of name.
//!
//! *Key*: the author's name of a model (`weatherReports`). *Typename*: its name on the wire
//! (`modelName` of a delta). *Table*, *column*: names in SQL. Accessors, the identifiers in
//! generated code, are chosen per target and not stored here.

use std::borrow::{Borrow, Cow};
use std::fmt;

/// A name that has only ASCII letters, digits and `_`, by the rules of schemas. Text that quotes it
/// needs no escapes.
pub trait Identifier {
    /// Returns the name as written.
    fn identifier(&self) -> &str;
}

macro_rules! identifiers {
    ($($name:ident),*) => {$(
        impl Identifier for $name {
            fn identifier(&self) -> &str {
                self.as_str()
            }
        }
    )*};
}

identifiers!(ModelKey, TypeName, ColumnName, FieldName, RelationName);

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the name as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    )*};
}

names! {
    /// The author's name of a model, `weatherReports`: an ASCII identifier.
    ModelKey;
    /// The name of a model on the wire, `WeatherReport`: an ASCII identifier.
    TypeName;
    /// A table: 1 to 63 bytes, any characters except NUL.
    TableName;
    /// A column: `^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`.
    ColumnName;
    /// A field: camelCase of ASCII letters and digits, without consecutive capital letters.
    FieldName;
    /// A relation: an ASCII identifier.
    RelationName;
    /// The kind of a sync group: `^[a-z][a-z0-9_]*$`.
    GroupKind;
}

/// Returns whether a column is the default one of a field, without making that.
pub(crate) fn is_default_column(field: &str, column: &str) -> bool {
    let mut rest = column.bytes();
    let mut is_next = |byte: u8| rest.next() == Some(byte);
    let fits = field.bytes().all(|byte| {
        if byte.is_ascii_uppercase() {
            is_next(b'_') && is_next(byte.to_ascii_lowercase())
        } else {
            is_next(byte)
        }
    });
    fits && rest.next().is_none()
}

/// Returns the default column of a field: every capital letter becomes `_` and its lower case.
#[must_use]
pub fn default_column(field: &str) -> Cow<'_, str> {
    let capitals = field.bytes().filter(u8::is_ascii_uppercase).count();
    if capitals == 0 {
        return Cow::Borrowed(field);
    }
    let mut column = String::with_capacity(field.len() + capitals);
    let mut copied = 0;
    for (at, byte) in field.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase()) {
        column.push_str(&field[copied..at]);
        column.push('_');
        column.push(char::from(byte.to_ascii_lowercase()));
        copied = at + 1;
    }
    column.push_str(&field[copied..]);
    Cow::Owned(column)
}
