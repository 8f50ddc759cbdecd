//! What a patch says of one field.
//!
//! A required field can be kept or set; an optional one can also be cleared. They are two types, so that clearing a
//! required field is no program. A patch sends what it changes and nothing else: a clear is `null`.

/// What a patch says of a required field.
///
/// ```
/// use ablo::Change;
/// assert_eq!(Change::from("Rain".to_owned()).sent(), Some(&"Rain".to_owned()));
/// assert_eq!(Change::<String>::default(), Change::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change<T> {
    /// Leave the field as it is: nothing is sent.
    #[default]
    Keep,
    /// Give the field this value.
    Set(T),
}

impl<T> Change<T> {
    /// What goes on the wire, if anything does.
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

/// What a patch says of an optional field.
///
/// Anything that turns into the field's value sets it; an `Option` sets or clears it.
///
/// ```
/// use ablo::Patch;
/// assert_eq!(Patch::<String>::from("Rain"), Patch::Set("Rain".to_owned()));
/// assert_eq!(Patch::<String>::from(None), Patch::Clear);
/// assert_eq!(Patch::<String>::default(), Patch::Keep);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Patch<T> {
    /// Leave the field as it is: nothing is sent.
    #[default]
    Keep,
    /// Take the field's value away: `null` is sent.
    Clear,
    /// Give the field this value.
    Set(T),
}

impl<T> Patch<T> {
    /// What goes on the wire, if anything does: `Some(None)` is `null`.
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
