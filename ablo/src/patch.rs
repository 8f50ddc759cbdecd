//! The change that a patch makes to one field.
//!
//! A required field can be kept or set, and an optional one can also be cleared. They have separate
//! types, so clearing a required field does not compile. A patch sends only the fields that it
//! changes. Clearing sends `null`.

/// The change of a required field.
///
/// ```
/// use ablo::Change;
/// assert_eq!(Change::from("Rain".to_owned()).sent(), Some(&"Rain".to_owned()));
/// assert_eq!(Change::<String>::default(), Change::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change<T> {
    /// Keep the value: nothing is sent.
    #[default]
    Keep,
    /// Set the field to this value.
    Set(T),
}

impl<T> Change<T> {
    /// Returns the value to send, if any.
    pub const fn sent(&self) -> Option<&T> {
        match self {
            Change::Keep => None,
            Change::Set(value) => Some(value),
        }
    }
}

impl<T> From<T> for Change<T> {
    fn from(value: T) -> Self {
        Change::Set(value)
    }
}

impl From<&str> for Change<String> {
    fn from(value: &str) -> Self {
        Change::Set(value.to_owned())
    }
}

impl<M: ?Sized> From<&str> for Change<crate::Id<M>> {
    fn from(value: &str) -> Self {
        Change::Set(value.into())
    }
}

/// The change of an optional field.
///
/// A value converts to [`Patch::Set`], and an `Option` to [`Patch::Set`] or [`Patch::Clear`].
///
/// ```
/// use ablo::Patch;
/// assert_eq!(Patch::<String>::from("Rain"), Patch::Set("Rain".to_owned()));
/// assert_eq!(Patch::<String>::from(None), Patch::Clear);
/// assert_eq!(Patch::<String>::default(), Patch::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Patch<T> {
    /// Keep the value: nothing is sent.
    #[default]
    Keep,
    /// Clear the field: `null` is sent.
    Clear,
    /// Set the field to this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Returns the value to send, if any. `Some(None)` is `null`.
    pub const fn sent(&self) -> Option<Option<&T>> {
        match self {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(value) => Some(Some(value)),
        }
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Patch::Set(value)
    }
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Patch::Clear, Patch::Set)
    }
}

impl From<&str> for Patch<String> {
    fn from(value: &str) -> Self {
        Patch::Set(value.to_owned())
    }
}

impl<M: ?Sized> From<&str> for Patch<crate::Id<M>> {
    fn from(value: &str) -> Self {
        Patch::Set(value.into())
    }
}
