//! Points in time, which are ISO 8601 text on the wire.
//!
//! Reading accepts any RFC 3339 offset. Writing uses UTC with milliseconds, as `Date.toISOString`
//! does, and more digits if the value has them. A round trip preserves nanoseconds.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A point in time.
///
/// ```
/// use ablo::Timestamp;
/// let at: Timestamp = "2026-06-10T11:00:00+02:00".parse()?;
/// assert_eq!(at.to_string(), "2026-06-10T09:00:00.000Z");
/// let fine: Timestamp = "2026-06-10T09:00:00.1234560Z".parse()?;
/// assert_eq!(fine.to_string(), "2026-06-10T09:00:00.123456Z");
/// # Ok::<(), ablo::TimestampError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Converts to `jiff::Timestamp`, which offers arithmetic.
    #[must_use]
    pub fn into_jiff(self) -> jiff::Timestamp {
        self.0
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self(at)
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(at: Timestamp) -> Self {
        at.0
    }
}

#[cfg(feature = "chrono")]
impl From<chrono::DateTime<chrono::Utc>> for Timestamp {
    fn from(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self::of(at.timestamp(), at.timestamp_subsec_nanos())
    }
}

#[cfg(feature = "chrono")]
impl From<Timestamp> for chrono::DateTime<chrono::Utc> {
    fn from(at: Timestamp) -> Self {
        let (seconds, nanoseconds) = at.parts();
        Self::from_timestamp(seconds, nanoseconds).unwrap_or_default()
    }
}

#[cfg(feature = "time")]
impl From<time::OffsetDateTime> for Timestamp {
    fn from(at: time::OffsetDateTime) -> Self {
        Self::of(at.unix_timestamp(), at.nanosecond())
    }
}

#[cfg(feature = "time")]
impl From<Timestamp> for time::OffsetDateTime {
    fn from(at: Timestamp) -> Self {
        let (seconds, nanoseconds) = at.parts();
        let at = Self::from_unix_timestamp(seconds).unwrap_or(Self::UNIX_EPOCH);
        at + time::Duration::nanoseconds(i64::from(nanoseconds))
    }
}

#[cfg(any(feature = "chrono", feature = "time"))]
impl Timestamp {
    /// Clamps to the years -9999 to 9999, which the wire format can represent.
    fn of(seconds: i64, nanoseconds: u32) -> Self {
        let nearest = if seconds < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(
            jiff::Timestamp::new(seconds, nanoseconds.min(999_999_999).cast_signed())
                .unwrap_or(nearest),
        )
    }

    /// Returns whole seconds, rounded down, and the remaining nanoseconds.
    fn parts(self) -> (i64, u32) {
        let nanoseconds = self.0.as_nanosecond();
        let (seconds, rest) =
            (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
        (i64::try_from(seconds).unwrap_or_default(), u32::try_from(rest).unwrap_or_default())
    }
}

/// The error for text that is not an RFC 3339 timestamp.
#[derive(Clone, Debug)]
pub struct TimestampError(jiff::Error);

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an RFC 3339 timestamp: {}", self.0)
    }
}

impl std::error::Error for TimestampError {}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(TimestampError)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = 9;
        let mut fraction = self.0.subsec_nanosecond();
        while digits > 3 && fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{:.digits$}", self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 timestamp")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}
