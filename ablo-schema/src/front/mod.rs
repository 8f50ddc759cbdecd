//! Fronts: author input to [`crate::raw`], each with its own table of places.

pub mod json;
