//! The one room that generated code calls.
//!
//! Nothing here is meant for people, and anything here may change together with the emitter that prints calls to it.

mod connect;
mod members;
mod model;
mod open_enum;
mod value;

pub use crate::__ablo_check_key as check_key;
pub use crate::__ablo_connect as connect;
pub use crate::__ablo_define as define;
pub use crate::__ablo_deltas as deltas;
pub use crate::__ablo_known as known;
pub use crate::__ablo_model as model;
pub use crate::__ablo_open_enum as open_enum;
pub use crate::__ablo_open_enum_impls as open_enum_impls;
pub use crate::__ablo_open_enum_traits as open_enum_traits;
pub use crate::__ablo_schema as schema;
pub use crate::codec::Key;
pub use connect::is_one_of;
pub(crate) use members::write;
pub use members::{Changes, Members, Patched, base_field, field};
pub use serde;
#[cfg(feature = "typed-json")]
pub use value::Shaped;
pub use value::{Said, Shown, Slots, Stored, Value, deserialize_enum, take};
pub(crate) use value::{single, whole};

/// How the declared fields of a model are read.
pub trait Codec: Members + Sized {
    /// Takes the declared fields, each straight into its place.
    fn decode(slots: &mut Slots) -> Self;
}
