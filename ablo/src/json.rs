//! JSON of a type that the application declares.
//!
//! A row keeps the JSON as text, so that a value written by somebody who knows more of its shape, or less, neither loses
//! a member nor makes the row unreadable. The type comes in when the value is asked for.

use crate::__private::{JsonType, OwnedValue, Value, ValueRef};
use crate::descriptor::FieldKind;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// What a `json` field of a known shape holds.
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
    /// Writes a value as JSON.
    ///
    /// # Errors
    /// When the value cannot be written, as a map whose keys are no texts.
    pub fn new(value: &T) -> serde_json::Result<Self> {
        Ok(Self { raw: serde_json::value::to_raw_value(value)?, of: PhantomData })
    }

    /// Reads the value.
    ///
    /// # Errors
    /// When the JSON has another shape: whoever wrote it thought of another type.
    pub fn get(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.raw.get())
    }
}

impl<T> Json<T> {
    /// The JSON as it came.
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

/// Two are equal when their texts are.
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

/// The shape of a type, inline and without names: what whoever reads its source says too.
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
