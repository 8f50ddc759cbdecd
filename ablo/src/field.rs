//! Field tokens: a field of a model, with the type of its value.
//!
//! A filter or an order that is written with tokens cannot name a field that the model lacks, nor compare it with a value
//! of another type.

use crate::Model;
use crate::codec::DECLARED;
use crate::descriptor::FieldDescriptor;
use std::fmt;
use std::marker::PhantomData;

/// The field of the model `M` that holds a `T`.
///
/// Generated code has one constant for each: `WeatherReport::FORECAST` is a `Field<WeatherReport, Option<String>>`. The
/// fields that every row has are constants of [`Row`](crate::Row).
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// use generated::WeatherReport;
/// assert_eq!(WeatherReport::STATION_ID.name(), "stationId");
/// assert_eq!(WeatherReport::STATION_ID.descriptor().map(|field| field.column), Some("station_id"));
/// ```
pub struct Field<M, T> {
    name: &'static str,
    /// Where a row has its value: the fields that every row has come first.
    place: u16,
    of: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Field<M, T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(place: u16, name: &'static str) -> Self {
        Self { name, place, of: PhantomData }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __declared(at: u16, name: &'static str) -> Self {
        Self::__new(DECLARED + at, name)
    }

    pub(crate) const fn place(self) -> usize {
        self.place as usize
    }

    /// The member name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<M: Model, T> Field<M, T> {
    /// What the schema says of the field; `None` for a field that every row has.
    #[must_use]
    pub fn descriptor(self) -> Option<&'static FieldDescriptor> {
        M::DESCRIPTOR.fields.get(usize::from(self.place.checked_sub(DECLARED)?))
    }
}

impl<M, T> Clone for Field<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Field<M, T> {}

impl<M, T> fmt::Debug for Field<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Field").field(&self.name).finish()
    }
}
