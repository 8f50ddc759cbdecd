//! JSON fields with a type that the application declares.
//!
//! A row keeps the JSON as text and parses it on access, so a value that was written with another
//! version of the type neither loses members nor makes the row unreadable.

use crate::descriptor::FieldKind;
use crate::value::{JsonType, OwnedValue, Value, ValueRef};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// The value of a `json` field with a known shape.
///
/// ```
/// use ablo::Json;
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// struct Source { url: String, title: Option<String> }
///
/// let sources = Json::new(&vec![Source { url: "https://smhi.se".into(), title: None }])?;
/// assert_eq!(sources.text(), r#"[{"url":"https://smhi.se","title":null}]"#);
/// assert_eq!(sources.get()?[0].url, "https://smhi.se");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Json<T> {
    raw: Box<RawValue>,
    of: PhantomData<fn() -> T>,
}

impl<T: JsonType> Json<T> {
    /// Serializes a value.
    ///
    /// # Errors
    /// Returns an error if the value cannot be serialized, such as a map whose keys are not
    /// strings.
    pub fn new(value: &T) -> serde_json::Result<Self> {
        Ok(Self { raw: serde_json::value::to_raw_value(value)?, of: PhantomData })
    }

    /// Deserializes the value.
    ///
    /// # Errors
    /// Returns an error if the JSON does not match `T`.
    pub fn get(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.raw.get())
    }
}

impl<T> Json<T> {
    /// Returns the JSON text unchanged.
    #[must_use]
    pub fn text(&self) -> &str {
        self.raw.get()
    }
}

impl<T> Clone for Json<T> {
    fn clone(&self) -> Self {
        Self { raw: self.raw.clone(), of: PhantomData }
    }
}

/// Compares the JSON texts.
impl<T> PartialEq for Json<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl<T> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl<T> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { raw: Box::deserialize(deserializer)?, of: PhantomData })
    }
}

impl<T: JsonType> Value for Json<T> {
    const KIND: FieldKind = FieldKind::Json;
    const RAW: bool = true;
    const SHAPE: Option<fn() -> String> = Some(shape::<T>);

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Raw(&self.raw)
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Raw(self.raw)
    }

    fn from_value(stored: OwnedValue) -> Self {
        let raw = match stored {
            OwnedValue::Raw(raw) => raw,
            _ => RawValue::NULL.to_owned(),
        };
        Self { raw, of: PhantomData }
    }
}

/// Returns the JSON Schema of a type, inline and without titles, as the Rust front end derives it
/// from the source.
fn shape<T: JsonSchema>() -> String {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    without_titles(schema.ensure_object());
    serde_json::to_string(&schema).unwrap_or_default()
}

fn without_titles(schema: &mut serde_json::Map<String, serde_json::Value>) {
    schema.remove("title");
}
