//! Enums that newer writers may extend.
//!
//! A generated enum has one variant for each value that the schema lists and one that keeps any other text, so that an
//! old client reads a newer row and sends it back as it was. `From<&str>` is the only way in, so a listed value is never
//! mistaken for an unknown one.

use serde::de::{Deserializer, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A generated enum.
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
    message = "`{Self}` is no open enum",
    label = "does not derive `AbloEnum`",
    note = "derive `ablo::AbloEnum` for the enum, or declare it in `define_schema!`"
)]
pub trait OpenEnum: for<'a> From<&'a str> + Send + Sync + 'static {
    /// The values that the schema lists, in its order.
    const VALUES: &'static [&'static str];

    /// The value as the wire has it.
    fn as_str(&self) -> &str;
}

/// A value that the schema did not list when the enum was generated.
///
/// Only reading makes one, so it never holds a listed value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    #[doc(hidden)]
    #[must_use]
    pub fn __new(text: &str) -> Self {
        Self(text.into())
    }

    /// The value as the wire has it.
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

/// Reads any generated enum, once for all of them.
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
