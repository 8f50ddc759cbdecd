//! Decodes deltas from the wire into typed rows and encodes them again.
//!
//! No code is generated per model: the codec walks the static tables of its descriptor.
//! [`Deltas::read`] reads JSON, which every peer supports; docs/reference/delta-format.md describes
//! the compact binary form. Unknown models, actions, members and enum values are kept as text and
//! written back unchanged.

mod binary;
mod byte_writer;
mod cell;
mod date;
mod document;
mod error;
mod get;
mod lookup;
mod number;
mod owned;
mod read;
mod read_data;
mod read_parts;
mod read_row;
mod row;
mod scan;
mod store;
mod typed;
mod view;
mod write;

pub use binary::Naming;
pub use cell::Slot;
pub use error::DecodeError;
pub use get::Readable;
pub use store::Deltas;
pub use typed::TypedDelta;
pub use view::{ActorRef, DeltaRef, Iter, RowRef};
