//! Frames and bodies of the protocol against the golden files.

mod golden;
mod properties;
mod round_trip;
mod schema;
