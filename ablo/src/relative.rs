//! Relative operations: changes of fields that start from their current values.
//!
//! Generated code has one function for each operation that the schema declares, so other fields
//! cannot be changed this way.

use crate::{Decimal, JsonValue};
use ablo_schema::schema::RelativeOperation;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// A change of a row of `M` that starts from the current values of its fields. Such changes commute
/// and need no stale guard.
///
/// ```
/// # mod generated { include!("../tests/relative.in"); }
/// use generated::Task;
/// let change = Task::increment_votes(1).and(Task::add_tags(["urgent".into()]));
/// let json = serde_json::to_string(&change)?;
/// assert_eq!(json, r#"{"votes":{"increment":1},"tags":{"add":["urgent"]}}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Adjustment<M> {
    changes: Vec<Change>,
    /// The first error of a value that JSON cannot express.
    error: Option<String>,
    model: PhantomData<fn() -> M>,
}

#[derive(Clone)]
struct Change {
    field: &'static str,
    operation: RelativeOperation,
    by: Box<RawValue>,
}

impl<M> Adjustment<M> {
    #[doc(hidden)]
    #[must_use]
    pub fn __new<T: Adjustable>(
        field: &'static str,
        operation: RelativeOperation,
        by: impl Into<T::By>,
    ) -> Self {
        match serde_json::value::to_raw_value(&by.into()) {
            Ok(by) => Self {
                changes: vec![Change { field, operation, by }],
                error: None,
                model: PhantomData,
            },
            Err(error) => {
                Self { changes: Vec::new(), error: Some(error.to_string()), model: PhantomData }
            }
        }
    }

    /// Adds the changes of other fields. A field can be changed once; further changes of it are
    /// operations of their own, of the same commit.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let is_own = |change: &Change| self.changes.iter().any(|own| own.field == change.field);
        let twice = other.changes.iter().find(|change| is_own(change));
        let twice = twice.map(|change| format!("`{}` is changed twice", change.field));
        self.changes.extend(other.changes);
        self.error = self.error.or(other.error).or(twice);
        self
    }
}

impl<M> Serialize for Adjustment<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(error) = &self.error {
            return Err(serde::ser::Error::custom(error));
        }
        let change = |change: &Change| {
            (change.field, std::iter::once((change.operation.as_str(), change.by.clone())))
        };
        serializer.collect_map(self.changes.iter().map(change).map(|(field, change)| {
            (field, change.collect::<std::collections::BTreeMap<&str, Box<RawValue>>>())
        }))
    }
}

impl<M> Clone for Adjustment<M> {
    fn clone(&self) -> Self {
        let (changes, error) = (self.changes.clone(), self.error.clone());
        Self { changes, error, model: PhantomData }
    }
}

impl<M> fmt::Debug for Adjustment<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adjustment ")?;
        let change = |change: &Change| {
            (change.field, format!("{} {}", change.operation.as_str(), change.by))
        };
        f.debug_map().entries(self.changes.iter().map(change)).finish()
    }
}

/// The type of a field that can be changed relatively.
pub trait Adjustable {
    /// The value by which it is changed.
    type By: Serialize;
}

/// The amount by which a 64-bit integer is changed. It is a string of digits on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(i128);

impl<T: Into<i128>> From<T> for Amount {
    fn from(amount: T) -> Self {
        Self(amount.into())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

macro_rules! adjustable {
    ($($value:ty: $by:ty),* $(,)?) => {
        $(impl Adjustable for $value {
            type By = $by;
        })*
    };
}

adjustable! {
    // A decrement of an unsigned number is a negative amount.
    i8: i64, i16: i64, i32: i64, u8: i64, u16: i64, u32: i64,
    i64: Amount, u64: Amount,
    f32: f64, f64: f64,
    Decimal: Decimal,
    String: String,
    JsonValue: Vec<JsonValue>,
}

#[cfg(feature = "typed-json")]
impl<T: Serialize> Adjustable for crate::Json<Vec<T>> {
    type By = Vec<T>;
}
