//! The one room that generated code calls.
//!
//! Nothing here is meant for people, and anything here may change together with the emitter that prints calls to it.

mod model;
mod open_enum;
mod value;

pub use crate::__ablo_model as model;
pub use crate::__ablo_open_enum as open_enum;
pub use crate::__ablo_schema as schema;
pub use crate::row::Members;
pub use value::{Value, Writer, deserialize_enum, optional, required, slot};

pub use serde;

use serde::de::MapAccess;
use serde::ser::SerializeMap;

/// How the declared fields of a model are read and written.
pub trait Codec: Sized {
    /// Reads the declared fields, each straight into its place.
    fn decode<'de, A: MapAccess<'de>>(members: &mut Members<A>) -> Result<Self, A::Error>;

    /// Writes the declared fields, in schema order.
    fn encode<S: SerializeMap>(&self, members: &mut Writer<S>);
}
