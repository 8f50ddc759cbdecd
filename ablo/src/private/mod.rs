//! The interface between generated code and the runtime.
//!
//! Not public API: anything here can change together with the emitter that prints calls to it.

mod connect;
mod embedded;
mod model;
mod open_enum;

pub use crate::__ablo_check_key as check_key;
pub use crate::__ablo_connect as connect;
pub use crate::__ablo_define as define;
pub use crate::__ablo_deltas as deltas;
pub use crate::__ablo_embedded as define_embedded;
pub use crate::__ablo_hashes as hashes;
pub use crate::__ablo_model as model;
pub use crate::__ablo_open_enum as open_enum;
pub use crate::__ablo_open_enum_impls as open_enum_impls;
pub use crate::__ablo_open_enum_traits as open_enum_traits;
pub use crate::__ablo_schema as schema;
#[cfg(feature = "embedded")]
pub use crate::embedded::embedded;
pub use crate::key::Key;
pub use crate::members::{Changes, Codec, Members, ModelPatch, base_field};
pub use crate::row::deserialize_patch;
#[cfg(feature = "typed-json")]
pub use crate::value::JsonType;
pub use crate::value::{FieldValues, OwnedValue, Value, ValueRef, deserialize_enum};
pub use ablo_macros::AbloConfiguredSchema;
pub use connect::is_one_of;
pub use serde;
