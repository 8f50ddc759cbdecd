//! A crate that re-exports ablo.

pub use ablo;
