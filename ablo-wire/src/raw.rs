//! JSON text that this crate does not interpret: rows, delta data and application payloads.
//! Numbers, escapes and member order are preserved exactly.

use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

macro_rules! raw {
    ($(#[$m:meta])* $name:ident, $expected:literal, $first:pat, $schema:expr) => {
        $(#[$m])*
        #[derive(Clone, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<RawValue>);

        impl $name {
            /// Parses JSON text of this shape.
            pub fn parse(text: &str) -> serde_json::Result<Self> {
                serde_json::from_str(text)
            }

            /// Serialises a value as JSON text.
            pub fn encode<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
                Self::try_from(serde_json::value::to_raw_value(value)?)
            }

            /// Returns the JSON text.
            pub fn get(&self) -> &str {
                self.0.get()
            }
        }

        impl TryFrom<Box<RawValue>> for $name {
            type Error = serde_json::Error;

            fn try_from(raw: Box<RawValue>) -> serde_json::Result<Self> {
                match raw.get().as_bytes().first() {
                    $first => Ok(Self(raw)),
                    _ => Err(Error::custom(concat!("expected ", $expected))),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let raw = Box::<RawValue>::deserialize(from)?;
                Self::try_from(raw).map_err(D::Error::custom)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.get() == other.get()
            }
        }

        impl Eq for $name {}

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).trim_start_matches("Raw").into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema = $schema;
                schema(generator)
            }
        }
    };
}

raw! {
    /// Any JSON value, as text. In the schema it is the definition `Json`.
    RawJson, "a JSON value", Some(_),
    |_| schemars::json_schema!({ "description": "Any JSON value." })
}

raw! {
    /// A row: one JSON object, as text. In the schema it is the definition `Row`, which an emitter
    /// replaces with the row type of a model.
    ///
    /// ```
    /// # use ablo_wire::RawRow;
    /// let row = RawRow::parse(r#"{"id":"t_1","budget":123456789012345678901234567890}"#)?;
    /// let text = serde_json::to_string(&row)?;
    /// assert_eq!(text, r#"{"id":"t_1","budget":123456789012345678901234567890}"#);
    /// assert!(RawRow::parse("[]").is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    RawRow, "a JSON object", Some(b'{'),
    |_| schemars::json_schema!({
        "description": "A row: one JSON object, camelCase member names.",
        "type": "object",
        "additionalProperties": true
    })
}

raw! {
    /// The data of a delta: a JSON object, or a JSON string that contains one
    /// (docs/protocol/websocket.md §5), as text. In the schema it is the definition `Data`.
    ///
    /// ```
    /// # use ablo_wire::RawData;
    /// let object = RawData::parse(r#"{"id":"t_1"}"#)?;
    /// let string = RawData::parse(r#""{\"id\":\"t_1\"}""#)?;
    /// assert_eq!(object.row_text()?, string.row_text()?);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    RawData, "a JSON object or a JSON string", Some(b'{' | b'"'),
    |generator| schemars::json_schema!({
        "description": "A JSON object, or a JSON string that contains one.",
        "anyOf": [generator.subschema_for::<RawRow>(), { "type": "string" }]
    })
}

impl RawRow {
    /// Decodes the row into an application type, which may borrow from this text.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(self.get())
    }
}

impl RawData {
    /// Returns the text of the object, for either encoding.
    pub fn row_text(&self) -> serde_json::Result<Cow<'_, str>> {
        match self.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(self.get()).map(Cow::Owned),
            _ => Ok(Cow::Borrowed(self.get())),
        }
    }

    /// Decodes the object into an application type, for either encoding.
    pub fn decode<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.row_text()?)
    }
}

impl RawJson {
    /// Decodes the value into an application type, which may borrow from this text.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(self.get())
    }
}
