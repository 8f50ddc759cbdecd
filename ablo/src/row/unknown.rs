//! Members of a row that its model does not declare.
//!
//! They are kept as JSON text, so sending them back does not change a byte.

use serde_json::value::RawValue;
use std::fmt;

/// The members of a row that its model does not declare, in their original order.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// let text = r#"{"id":"s_1","createdAt":"2026-06-01T08:00:00Z",
///   "updatedAt":"2026-06-01T08:00:00Z","name":"Arlanda","altitude":42,
///   "openedAt":"1962-04-01T00:00:00Z","icao" : "ESSA","runways": [1, 2, 3]}"#;
/// let row: ablo::Row<generated::Station> = serde_json::from_str(text)?;
/// let unknown: Vec<_> = row.unknown.iter().collect();
/// assert_eq!(unknown, [("icao", "\"ESSA\""), ("runways", "[1, 2, 3]")]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct UnknownFields {
    members: Vec<(Box<str>, Box<RawValue>)>,
    /// The positions of declared fields that the row did not have. They are omitted when writing,
    /// instead of being `null`.
    absent: Vec<u16>,
}

impl UnknownFields {
    /// Returns the JSON text of the member with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns the name and the JSON text of every member.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|(name, value)| (&**name, value.get()))
    }

    /// Returns whether the row has no unknown members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn push(&mut self, name: Box<str>, value: Box<RawValue>) {
        self.members.push((name, value));
    }

    /// Records that the row does not have a declared field. Fields beyond 2^16 are written as
    /// `null`.
    pub(crate) fn mark_absent(&mut self, at: usize) {
        self.absent.extend(u16::try_from(at));
    }

    pub(crate) fn is_absent(&self, at: usize) -> bool {
        !self.absent.is_empty()
            && self.absent.binary_search_by(|one| usize::from(*one).cmp(&at)).is_ok()
    }

    pub(super) fn raw(&self) -> impl Iterator<Item = &(Box<str>, Box<RawValue>)> {
        self.members.iter()
    }
}

impl PartialEq for UnknownFields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
