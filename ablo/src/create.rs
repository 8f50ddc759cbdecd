//! Creates: the values of a new row.

use crate::members::{Changes, ModelPatch};
use crate::row::deserialize_create;
use crate::value::OwnedValue;
use crate::{Id, Model};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A row to be created. Every required field has a value.
///
/// Serialises to the declared fields that have a value, without the id, which the protocol sends
/// separately. Deserialises from the same members and an optional `id`; a missing required field
/// and a member that the model does not declare are errors.
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// use generated::{WeatherReport, WeatherReportCreate};
/// let required = WeatherReportCreate { location: "Oslo".into(), status: "pending".into() };
/// let create = WeatherReport::create(required).with(|it| it.forecast("Rain"));
/// let json = serde_json::to_string(&create)?;
/// assert_eq!(json, r#"{"location":"Oslo","status":"pending","forecast":"Rain"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Create<M> {
    /// The id of the row. `None` generates one.
    pub id: Option<Id<M>>,
    changes: Changes,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Create<M> {
    #[doc(hidden)]
    #[must_use]
    pub fn __new() -> Self {
        Self { id: None, changes: Changes::default(), model: PhantomData }
    }

    #[doc(hidden)]
    #[must_use]
    pub fn __set(mut self, at: usize, value: OwnedValue) -> Self {
        self.changes.put(at, value);
        self
    }

    /// Sets the id of the row.
    #[must_use]
    pub fn id(mut self, id: impl Into<Id<M>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets optional fields with the setters of the model's patch.
    #[must_use]
    pub fn with(mut self, set: impl FnOnce(M::Patch) -> M::Patch) -> Self {
        self.changes = set(M::Patch::from_changes(self.changes)).into_changes();
        self
    }
}

impl<M: Model> Clone for Create<M> {
    fn clone(&self) -> Self {
        Self { id: self.id.clone(), changes: self.changes.clone(), model: PhantomData }
    }
}

impl<M: Model> PartialEq for Create<M> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.changes == other.changes
    }
}

impl<M: Model> fmt::Debug for Create<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.debug(f, "Create", M::DESCRIPTOR, self.id.as_ref().map(Id::as_str))
    }
}

impl<M: Model> Serialize for Create<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.changes.serialize_create(serializer, M::DESCRIPTOR)
    }
}

impl<'de, M: Model> Deserialize<'de> for Create<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, changes) = deserialize_create(deserializer, M::DESCRIPTOR)?;
        Ok(Self { id: id.map(Id::new), changes, model: PhantomData })
    }
}
