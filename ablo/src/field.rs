//! Field tokens: a field of a model with the type of its value.
//!
//! Filters and orders are built from tokens, so field names and value types are checked at compile
//! time.

use crate::Model;
use crate::descriptor::{FieldDescriptor, FieldKind};
use crate::key::Key;
use std::fmt;
use std::marker::PhantomData;

/// The base fields in canonical order.
pub(crate) static BASE: [FieldDescriptor; 5] = [
    base("id", FieldKind::String, false),
    base("createdAt", FieldKind::Date, false),
    base("updatedAt", FieldKind::Date, false),
    base("organizationId", FieldKind::String, true),
    base("createdBy", FieldKind::String, true),
];

const fn base(name: &'static str, kind: FieldKind, optional: bool) -> FieldDescriptor {
    FieldDescriptor { name, kind, optional, key: Key::new(name), ..FieldDescriptor::DEFAULT }
}

/// The number of base fields, which precede the declared ones.
const DECLARED: u16 = BASE.len() as u16;

/// A field of the model `M` with values of type `T`.
///
/// Generated code has one constant per field: `WeatherReport::FORECAST` is a
/// `Field<WeatherReport, Option<String>>`. The base fields are constants of [`Row`](crate::Row).
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// use generated::WeatherReport;
/// assert_eq!(WeatherReport::STATION_ID.name(), "stationId");
/// let field = WeatherReport::STATION_ID.descriptor();
/// assert_eq!(field.map(|field| field.column), Some("station_id"));
/// ```
pub struct Field<M, T> {
    name: &'static str,
    /// The index of the value in a row. Base fields come first.
    slot: u16,
    of: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Field<M, T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn __new(slot: u16, name: &'static str) -> Self {
        Self { name, slot, of: PhantomData }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn __declared(at: u16, name: &'static str) -> Self {
        Self::__new(DECLARED + at, name)
    }

    pub(crate) const fn slot(self) -> usize {
        self.slot as usize
    }

    /// Returns the member name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<M: Model, T> Field<M, T> {
    /// Returns the descriptor of the field, or `None` for a base field.
    #[must_use]
    pub fn descriptor(self) -> Option<&'static FieldDescriptor> {
        M::DESCRIPTOR.fields.get(usize::from(self.slot.checked_sub(DECLARED)?))
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
