//! The names of a schema, each kind its own type, so that one cannot be used for another.
//!
//! *Key*: the author's name of a model (`weatherReports`). *Type name*: on the wire (`modelName` of a delta).
//! *Table*, *column*: in SQL. *Accessor*: the identifier in generated code, decided per target and not here.

use std::borrow::Borrow;
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

            /// The name as the author wrote it.
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
    /// A physical table: 1 to 63 bytes, any characters but NUL.
    TableName;
    /// A physical column: `^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`.
    ColumnName;
    /// A field: lower camel case without two capitals in a row, ASCII letters and digits.
    FieldName;
    /// A relation: an ASCII identifier.
    RelationName;
    /// The kind of a sync group: `^[a-z][a-z0-9_]*$`.
    GroupKind;
}
