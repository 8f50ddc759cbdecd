//! The frames and bodies of the Ablo coordination protocol as Rust types, once.
//!
//! What comes in is JSON from the other side; what goes out is JSON the other side accepts. Everything else that must
//! agree with it (TypeScript types, JSON Schema, OpenAPI components) is derived from these types through the feature
//! `schema`. There is no I/O here, no state, and no decision that needs a row or a schema.
//!
//! ```
//! use ablo_wire::{ClientFrame, CommitFrame, Operation, RawRow, ServerFrame, Verb};
//!
//! let mut operation = Operation::frame(Verb::Update, "task", "t_1");
//! operation.data = RawRow::parse(r#"{"status":"done"}"#)?.into();
//! operation.read_at = ablo_wire::SyncId(118).into();
//! let frame = ClientFrame::Commit(CommitFrame::new([operation], "2a8d0b1e"));
//! assert_eq!(
//!     frame.to_text()?,
//!     r#"{"type":"commit","payload":{"operations":[{"type":"UPDATE","model":"task","id":"t_1","input":{"status":"done"},"readAt":118}],"clientTxId":"2a8d0b1e"}}"#,
//! );
//!
//! let answer = r#"{"type":"mutation_result","payload":{"clientTxId":"2a8d0b1e","success":true,"lastSyncId":413}}"#;
//! let ServerFrame::MutationResult(receipt) = ServerFrame::parse(answer)? else { unreachable!() };
//! assert_eq!(receipt.last_sync_id, Some(ablo_wire::SyncId(413)));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # What stays open
//!
//! Frames of an unknown type, string values outside a known set and members nobody has heard of are all kept and
//! written back: [`OtherFrame`], the `Other` variant of every enum, the member `other` of every record. Rows stay JSON
//! text until someone asks for them ([`RawRow`], [`RawData`]), so that a number wider than a double survives; any type
//! can stand in their place (`Delta<Task>`, `ListPage<Task>`). Absent and null are told apart where the protocol does
//! ([`Maybe`]).
//!
//! # Units
//!
//! Times and spans say their unit in their type ([`Millis`], [`Seconds`]) or, where they are text, in their
//! description (ISO 8601, UTC). Positions in the log are [`SyncId`].

mod codes;
mod number;
mod open;
mod raw;
mod record;

pub mod auth;
pub mod claim;
pub mod commit;
pub mod delta;
pub mod error;
pub mod frame;
pub mod http;
pub mod presence;
#[cfg(feature = "schema")]
pub mod schema;
pub mod source;
pub mod sync;

pub use auth::*;
pub use claim::*;
pub use commit::*;
pub use delta::*;
pub use error::*;
pub use frame::*;
pub use http::*;
pub use number::{MAX_SAFE, Millis, Seconds, SyncId};
pub use open::{Maybe, Object};
pub use presence::*;
pub use raw::{RawData, RawJson, RawRow};
#[cfg(feature = "schema")]
pub use schema::{
    Direction, HTTP_BODIES, HttpBody, definition_names_for_http, frames_schema, http_components,
};
pub use source::*;
pub use sync::*;
