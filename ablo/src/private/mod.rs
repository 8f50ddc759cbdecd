//! The interface between generated code and the runtime.
//!
//! Not public API: anything here can change together with the emitter that prints calls to it.

mod connect;
mod members;
mod model;
mod open_enum;
mod value;

pub use crate::__ablo_check_key as check_key;
pub use crate::__ablo_connect as connect;
pub use crate::__ablo_define as define;
pub use crate::__ablo_deltas as deltas;
pub use crate::__ablo_hashes as hashes;
pub use crate::__ablo_model as model;
pub use crate::__ablo_open_enum as open_enum;
pub use crate::__ablo_open_enum_impls as open_enum_impls;
pub use crate::__ablo_open_enum_traits as open_enum_traits;
pub use crate::__ablo_schema as schema;
pub use crate::codec::Key;
pub use connect::is_one_of;
pub(crate) use members::write;
pub use members::{Changes, Members, ModelPatch, base_field, field};
pub use serde;
#[cfg(feature = "typed-json")]
pub use value::JsonType;
pub use value::{
    FieldChange, FieldValues, OwnedValue, Value, ValueRef, deserialize_enum, next_field,
};
pub(crate) use value::{to_f32, to_integer};

/// Construction of a model from decoded fields.
pub trait Codec: Members + Sized {
    /// Builds the model from the values of its declared fields.
    fn decode(values: &mut FieldValues) -> Self;
}
