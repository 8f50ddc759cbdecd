//! Numbers with a unit. All are JSON numbers below 2^53, because a peer may store them in a double.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The largest integer that a double represents exactly: 2^53 - 1.
pub const MAX_SAFE: u64 = (1 << 53) - 1;

macro_rules! number {
    ($(#[$m:meta])* $name:ident, $what:literal, $fraction:expr) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl From<u64> for $name {
            fn from(value: u64) -> Self {
                Self(value)
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> u64 {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_u64(Number { what: $what, fraction: $fraction }).map(Self)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let kind = if $fraction { "number" } else { "integer" };
                // No minimum: numbers below 0 are read as 0.
                let mut schema = schemars::json_schema!({ "description": $what, "type": kind });
                if !$fraction {
                    schema.insert("format".to_owned(), "int64".into());
                }
                schema.insert("maximum".to_owned(), MAX_SAFE.into());
                schema
            }
        }
    };
}

number! {
    /// A position in the sync log of an organisation: strictly increasing, a JSON number
    /// (docs/protocol/websocket.md §5).
    ///
    /// A negative number is read as 0, because the protocol treats everything at or below 0 as
    /// "nothing seen yet" (docs/protocol/commits.md §5). Fractions and numbers of 2^53 and above
    /// are errors.
    SyncId, "Position in the sync log of the organisation.", false
}

number! {
    /// A point in time in milliseconds since 1970, or a duration in milliseconds, as documented on
    /// each member. Fractions are truncated and negative numbers are read as 0.
    Millis, "Milliseconds.", true
}

number! {
    /// A duration in whole seconds. Fractions are truncated and negative numbers are read as 0.
    Seconds, "Seconds.", true
}

struct Number {
    what: &'static str,
    fraction: bool,
}

impl Visitor<'_> for Number {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number below 2^53 ({})", self.what.trim_end_matches('.'))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        match value {
            0..=MAX_SAFE => Ok(value),
            _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        self.visit_u64(u64::try_from(value).unwrap_or(0))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
        if value.fract() != 0.0 && !self.fraction {
            return Err(E::invalid_value(serde::de::Unexpected::Float(value), &self));
        }
        self.visit_u64(value as u64) // saturates: negative to 0, huge to an error
    }
}
