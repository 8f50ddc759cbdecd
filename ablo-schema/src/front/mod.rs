//! Front ends: each reads one kind of author input into [`crate::raw`].

pub(crate) mod edits;
pub mod json;
mod location;
#[cfg(feature = "front-rust")]
pub mod rust;

pub use location::{Located, LocatedFix, Location};
