//! Members of a row that its model does not declare.
//!
//! They are kept as JSON text and never interpreted, so that sending them back changes no byte of them.

use serde_json::value::RawValue;
use std::fmt;

/// The members of a row that this build does not know, in the order in which they came.
#[derive(Clone, Default)]
pub struct UnknownFields(Vec<(Box<str>, Box<RawValue>)>);

impl UnknownFields {
    /// The JSON text of the member with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Name and JSON text of every member.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, value.get()))
    }

    /// Whether the model knew every member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, name: Box<str>, value: Box<RawValue>) {
        self.0.push((name, value));
    }

    pub(super) fn raw(&self) -> impl Iterator<Item = &(Box<str>, Box<RawValue>)> {
        self.0.iter()
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
