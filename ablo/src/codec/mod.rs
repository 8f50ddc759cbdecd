//! Deltas, straight from the wire into typed rows and back.
//!
//! Nothing here is generated for a model: code walks the static tables of its descriptor. [`Deltas::read`] takes JSON, the
//! form that always works; a compact binary form of the same is described in docs/reference/delta-format.md. What this build does not know
//! (models, actions, members, values of enums) is kept as text and written back.

mod binary;
mod cell;
mod date;
mod document;
mod error;
mod get;
mod key;
mod lookup;
mod number;
mod owned;
mod pen;
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
pub use key::Key;
pub use store::Deltas;
pub use typed::TypedDelta;
pub(crate) use view::DECLARED;
pub use view::{ActorRef, DeltaRef, Iter, RowRef};
