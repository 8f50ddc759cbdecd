//! Helpers for open data: three-state members, string visitors, and buffered members that are
//! replayed once their type is known.

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// A JSON object with members of any type, in their original order.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// A member that may be absent, null or a value, where the protocol distinguishes the three.
///
/// ```
/// # use ablo_wire::{Maybe, Operation, RawRow, Verb};
/// let op: Operation = serde_json::from_str(r#"{"action":"delete","model":"tasks","id":"t_1","readAt":null}"#)?;
/// assert_eq!(op.read_at, Maybe::Null);
/// assert_eq!(op.on_stale, Maybe::Absent);
/// assert_eq!(op.id.value().map(String::as_str), Some("t_1"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maybe<T> {
    /// The member is absent.
    #[default]
    Absent,
    /// The member is present and null.
    Null,
    /// The member has a value.
    Value(T),
}

impl<T> Maybe<T> {
    /// Returns `Absent`, for use as a function path.
    pub const fn absent() -> Self {
        Maybe::Absent
    }

    /// Returns whether the member is absent and thus not written.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Maybe::Absent)
    }

    /// Returns the value, or `None` if the member is absent or null.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Maybe::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Converts into the value, or `None` if the member is absent or null.
    pub fn into_value(self) -> Option<T> {
        match self {
            Maybe::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Maps the value and keeps absent and null.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Maybe<U> {
        match self {
            Maybe::Absent => Maybe::Absent,
            Maybe::Null => Maybe::Null,
            Maybe::Value(value) => Maybe::Value(f(value)),
        }
    }

    /// Converts `None` to an explicit null.
    pub fn or_null(value: Option<T>) -> Self {
        value.map_or(Maybe::Null, Maybe::Value)
    }

    /// Converts `None` to an absent member.
    pub fn or_absent(value: Option<T>) -> Self {
        value.map_or(Maybe::Absent, Maybe::Value)
    }
}

impl<T> From<T> for Maybe<T> {
    fn from(value: T) -> Self {
        Maybe::Value(value)
    }
}

impl<T: Serialize> Serialize for Maybe<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Maybe::Value(value) => value.serialize(to),
            _ => to.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Maybe::or_null)
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Maybe<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        format!("Maybe<{}>", T::schema_id()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        crate::definition::nullable(Option::<T>::json_schema(generator))
    }
}

/// Reads a member that counts as absent if it is malformed (docs/protocol/errors.md §2).
pub(crate) fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let raw = Box::<RawValue>::deserialize(from)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

/// Visits a string: its name in error messages, and its conversion.
pub(crate) struct StringVisitor<F>(pub(crate) &'static str, pub(crate) F);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for StringVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string ({})", self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok((self.1)(text))
    }
}

/// Members that were read before their type was known, as text.
#[derive(Default)]
pub(crate) struct BufferedMembers(pub(crate) Vec<(String, Box<RawValue>)>);

impl BufferedMembers {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    pub(crate) fn read<T: DeserializeOwned, E: Error>(&self) -> Result<T, E> {
        self.read_seed(std::marker::PhantomData)
    }

    pub(crate) fn read_seed<'a, S: DeserializeSeed<'a>, E: Error>(
        &'a self,
        seed: S,
    ) -> Result<S::Value, E> {
        let members = self.0.iter().map(|(key, raw)| (key.as_str(), &**raw));
        let members = serde::de::value::MapDeserializer::<'a, _, serde_json::Error>::new(members);
        seed.deserialize(members).map_err(E::custom)
    }

    pub(crate) fn into_object<E: Error>(self) -> Result<Object, E> {
        let value = |raw: &RawValue| serde_json::from_str(raw.get()).map_err(E::custom);
        self.0.into_iter().map(|(key, raw)| Ok((key, value(&raw)?))).collect()
    }
}

/// A map whose first key has already been read.
pub(crate) struct PeekedMap<M> {
    pub(crate) first: Option<String>,
    pub(crate) rest: M,
}

impl<'de, M: MapAccess<'de>> PeekedMap<M> {
    pub(crate) fn read<T: Deserialize<'de>>(self) -> Result<T, M::Error> {
        T::deserialize(MapAccessDeserializer::new(self))
    }
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for PeekedMap<M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, M::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.rest.next_value_seed(seed)
    }
}
