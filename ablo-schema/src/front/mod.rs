//! Fronts: author input to [`crate::raw`], each with its own table of places.

pub mod json;
mod place;
#[cfg(feature = "front-rust")]
pub mod rust;

pub use place::{Located, Place};
