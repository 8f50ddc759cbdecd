//! The change that a patch makes to one field.
//!
//! A required field can be kept or set, and an optional one can also be cleared. They have separate
//! types, so clearing a required field does not compile. A patch sends only the fields that it
//! changes. Clearing sends `null`.

/// The change of a required field.
///
/// ```
/// use ablo::FieldUpdate;
/// assert_eq!(FieldUpdate::from("Rain".to_owned()).sent(), Some(&"Rain".to_owned()));
/// assert_eq!(FieldUpdate::<String>::default(), FieldUpdate::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldUpdate<T> {
    /// Keep the value: nothing is sent.
    #[default]
    Keep,
    /// Set the field to this value.
    Set(T),
}

impl<T> FieldUpdate<T> {
    /// Returns the value to send, if any.
    pub const fn sent(&self) -> Option<&T> {
        match self {
            FieldUpdate::Keep => None,
            FieldUpdate::Set(value) => Some(value),
        }
    }
}

impl<T> From<T> for FieldUpdate<T> {
    fn from(value: T) -> Self {
        FieldUpdate::Set(value)
    }
}

impl From<&str> for FieldUpdate<String> {
    fn from(value: &str) -> Self {
        FieldUpdate::Set(value.to_owned())
    }
}

impl<M: ?Sized> From<&str> for FieldUpdate<crate::Id<M>> {
    fn from(value: &str) -> Self {
        FieldUpdate::Set(value.into())
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
