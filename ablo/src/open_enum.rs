//! Open enums, which read values they do not know.
//!
//! A generated enum has a variant for each value in the schema and one that keeps any other text,
//! so an older client preserves the values of a newer schema. Values are created only through
//! `From<&str>`, so a listed value is never stored as unknown.

use serde::de::{Deserializer, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// An open enum.
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// use ablo::OpenEnum;
/// use generated::WeatherReportStatus;
/// assert_eq!(WeatherReportStatus::VALUES, ["pending", "ready"]);
/// assert_eq!(WeatherReportStatus::from("ready"), WeatherReportStatus::Ready);
/// assert_eq!(WeatherReportStatus::from("retracted").as_str(), "retracted");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an open enum",
    label = "does not derive `AbloEnum`",
    note = "derive `ablo::AbloEnum` for the enum, or declare it in `define_schema!`"
)]
pub trait OpenEnum: for<'a> From<&'a str> + Send + Sync + 'static {
    /// The values in the schema, in its order.
    const VALUES: &'static [&'static str];

    /// Returns the value in its wire form.
    fn as_str(&self) -> &str;
}

/// A value that was not in the schema when the enum was generated.
///
/// It is created only by reading, so it never holds a listed value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    #[doc(hidden)]
    #[must_use]
    pub fn __new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the value in its wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Deserializes any open enum.
pub(crate) fn deserialize<'de, E: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<E, D::Error> {
    struct Value<E>(PhantomData<E>);

    impl<E: OpenEnum> Visitor<'_> for Value<E> {
        type Value = E;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<R: serde::de::Error>(self, text: &str) -> Result<E, R> {
            Ok(E::from(text))
        }
    }

    deserializer.deserialize_str(Value(PhantomData))
}
