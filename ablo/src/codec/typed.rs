//! Deltas of a known model: the contents of a generated `SchemaDelta`.

use super::view::{DeltaRef, RowRef};
use crate::{Id, Model};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A delta of a row of the model `M`. Dereferences to [`DeltaRef`].
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::Deltas;
/// use generated::{SchemaDelta, WeatherReport};
///
/// let text = r#"{"deltas":[
///   {"id":1,"actionType":"U","modelName":"WeatherReport","modelId":"r_1",
///    "data":{"location":"Oslo"}},
///   {"id":2,"actionType":"I","modelName":"Sensor","modelId":"s_1","data":{}}]}"#;
/// let deltas = Deltas::read(&generated::SCHEMA, text)?;
/// for delta in &deltas {
///     match SchemaDelta::from(delta) {
///         SchemaDelta::WeatherReport(delta) => {
///             let location = delta.row().and_then(|row| row.get(WeatherReport::LOCATION));
///             assert_eq!(location, Some("Oslo"));
///         }
///         SchemaDelta::Station(delta) => panic!("{delta:?}"),
///         SchemaDelta::Unrecognized(delta) => assert_eq!(delta.model_name(), "Sensor"),
///     }
/// }
/// # Ok::<(), ablo::DecodeError>(())
/// ```
pub struct TypedDelta<'b, 'a, M> {
    delta: DeltaRef<'b, 'a>,
    model: PhantomData<fn() -> M>,
}

impl<'b, 'a, M: Model> TypedDelta<'b, 'a, M> {
    /// The caller, generated code, has matched the model.
    #[doc(hidden)]
    #[must_use]
    pub fn __new(delta: DeltaRef<'b, 'a>) -> Self {
        Self { delta, model: PhantomData }
    }

    /// Returns the row after the change, if the delta carries one.
    #[must_use]
    pub fn row(self) -> Option<RowRef<'b, 'a, M>> {
        self.delta.row()
    }

    /// Returns the id of the row as an owned value.
    #[must_use]
    pub fn to_id(self) -> Id<M> {
        Id::from(self.delta.model_id())
    }
}

impl<M> Clone for TypedDelta<'_, '_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for TypedDelta<'_, '_, M> {}

impl<'b, 'a, M> Deref for TypedDelta<'b, 'a, M> {
    type Target = DeltaRef<'b, 'a>;

    fn deref(&self) -> &DeltaRef<'b, 'a> {
        &self.delta
    }
}

impl<M> fmt::Debug for TypedDelta<'_, '_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.delta, f)
    }
}
