//! The one room that generated code calls.
//!
//! Nothing here is meant for people, and anything here may change together with the emitter that prints calls to it.

mod members;
mod model;
mod open_enum;
mod value;

pub use crate::__ablo_model as model;
pub use crate::__ablo_open_enum as open_enum;
pub use crate::__ablo_schema as schema;
pub use crate::codec::Key;
pub(crate) use members::write;
pub use members::{Members, debug, optional, required, same, serialize_create, serialize_patch, slot};
pub use serde;
pub use value::{Show, Shown, Source, Stop, Value, deserialize_enum, read_enum};

/// How the declared fields of a model are read.
pub trait Codec: Members + Sized {
    /// Reads the declared fields, each straight into its place.
    fn decode(source: &mut dyn Source) -> Result<Self, Stop>;
}
