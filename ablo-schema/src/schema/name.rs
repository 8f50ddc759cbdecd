//! The names of a schema, one type per kind of name.
//!
//! *Key*: the author's name of a model (`weatherReports`). *Typename*: its name on the wire
//! (`modelName` of a delta). *Table*, *column*: names in SQL. Accessors, the identifiers in
//! generated code, are chosen per target and not stored here.

use std::borrow::{Borrow, Cow};
use std::fmt;

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

/// Returns the default column of a field: every capital letter becomes `_` and its lower case.
#[must_use]
pub fn default_column(field: &str) -> Cow<'_, str> {
    let is_capital = |byte: u8| byte.is_ascii_uppercase();
    if !field.bytes().any(is_capital) {
        return Cow::Borrowed(field);
    }
    let mut column = String::with_capacity(field.len() + 4);
    let mut rest = field;
    while let Some(at) = rest.bytes().position(is_capital) {
        column.push_str(&rest[..at]);
        column.push('_');
        column.push(char::from(rest.as_bytes()[at].to_ascii_lowercase()));
        rest = &rest[at + 1..];
    }
    column.push_str(rest);
    Cow::Owned(column)
}
