//! Ids that are typed by their model.
//!
//! On the wire an id is a string. The type parameter prevents passing the id of a station where the
//! id of a report is expected. It has the size of a `Box<str>`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// The id of a row of the model `M`.
///
/// ```
/// use ablo::Id;
/// struct Station;
/// let id: Id<Station> = "station_arlanda".into();
/// assert_eq!(id, "station_arlanda");
/// assert_eq!(serde_json::to_string(&id)?, "\"station_arlanda\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Id<M: ?Sized> {
    text: Box<str>,
    // A function type, so that an id is `Send` and `Sync` for every model.
    model: PhantomData<fn() -> M>,
}

impl<M: ?Sized> Id<M> {
    /// Creates an id from its text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self { text: text.into(), model: PhantomData }
    }

    /// Returns the id in its wire form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Converts the id to one of another model, unchecked.
    #[must_use]
    pub fn cast<N: ?Sized>(self) -> Id<N> {
        Id::new(self.text)
    }
}

// Derived implementations would add bounds on `M`.
impl<M: ?Sized> Clone for Id<M> {
    fn clone(&self) -> Self {
        Self::new(self.text.clone())
    }
}

impl<M: ?Sized> PartialEq for Id<M> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<M: ?Sized> Eq for Id<M> {}

impl<M: ?Sized> PartialOrd for Id<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M: ?Sized> Ord for Id<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<M: ?Sized> Hash for Id<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<M: ?Sized> PartialEq<str> for Id<M> {
    fn eq(&self, other: &str) -> bool {
        &*self.text == other
    }
}

impl<M: ?Sized> PartialEq<&str> for Id<M> {
    fn eq(&self, other: &&str) -> bool {
        &*self.text == *other
    }
}

impl<M: ?Sized> fmt::Debug for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<M: ?Sized> fmt::Display for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text, f)
    }
}

impl<M: ?Sized> AsRef<str> for Id<M> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl<M: ?Sized> From<&str> for Id<M> {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<M: ?Sized> From<String> for Id<M> {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl<M: ?Sized> From<Id<M>> for String {
    fn from(id: Id<M>) -> Self {
        id.text.into()
    }
}

impl<M: ?Sized> From<&Id<M>> for Id<M> {
    fn from(id: &Id<M>) -> Self {
        id.clone()
    }
}

impl<M: ?Sized> Serialize for Id<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, M: ?Sized> Deserialize<'de> for Id<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer).map(Self::new)
    }
}
