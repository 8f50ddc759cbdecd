//! Relative operations: changes of a field that start from its current value.

/// A change that starts from the current value of a field. Such changes need no guard: the outcome
/// of several does not depend on who read what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelativeOperation {
    /// Adds to a number.
    Increment,
    /// Adds to the end of a text or a list.
    Append,
    /// Adds values to a list that does not have them.
    Add,
    /// Removes values from a list.
    Remove,
}

impl RelativeOperation {
    /// All operations, in canonical order.
    pub const ALL: [RelativeOperation; 4] = [
        RelativeOperation::Increment,
        RelativeOperation::Append,
        RelativeOperation::Add,
        RelativeOperation::Remove,
    ];

    /// Returns the spelling in Schema JSON and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RelativeOperation::Increment => "increment",
            RelativeOperation::Append => "append",
            RelativeOperation::Add => "add",
            RelativeOperation::Remove => "remove",
        }
    }

    /// Returns the operation with this spelling.
    ///
    /// ```
    /// use ablo_schema::schema::RelativeOperation;
    /// assert_eq!(RelativeOperation::find("add"), Some(RelativeOperation::Add));
    /// assert_eq!(RelativeOperation::find("multiply"), None);
    /// ```
    #[must_use]
    pub fn find(word: &str) -> Option<RelativeOperation> {
        RelativeOperation::ALL.into_iter().find(|operation| operation.as_str() == word)
    }
}
