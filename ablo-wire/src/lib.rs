//! The frames and bodies of the Ablo coordination protocol as Rust types.
//!
//! The types read and write JSON. Everything else that must agree with them (TypeScript types, JSON
//! Schema, OpenAPI components) is derived from these types through the feature `schema`. The crate
//! has no I/O, no state and no logic that needs a row or a schema. [`Backoff`] is here because all
//! peers of the protocol repeat failed attempts in the same way.
//!
//! ```
//! use ablo_wire::{ClientFrame, CommitFrame, Operation, RawRow, ServerFrame, Verb};
//!
//! let mut operation = Operation::frame(Verb::Update, "task", "t_1");
//! operation.data = RawRow::parse(r#"{"status":"done"}"#)?.into();
//! operation.read_at = ablo_wire::SyncId(118).into();
//! let mut commit = CommitFrame::new([operation]);
//! commit.client_tx_id = Some("2a8d0b1e".to_owned());
//! let frame = ClientFrame::Commit(commit);
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
//! # Unknown values
//!
//! Unknown frame types, unknown string values and unknown members are all kept and written back:
//! [`OtherFrame`], the `Other` variant of every enum, the member `other` of every record. Rows stay
//! JSON text until they are decoded ([`RawRow`], [`RawData`]), which preserves numbers wider than a
//! double; an application type can replace them (`Delta<Task>`, `ListPage<Task>`). [`Maybe`]
//! distinguishes absent and null where the protocol does.
//!
//! # Units
//!
//! Times and durations carry their unit in their type ([`Millis`], [`Seconds`]) or, if they are
//! text, in their description (ISO 8601, UTC). Positions in the sync log are [`SyncId`].

mod backoff;
mod classification;
mod codes;
#[cfg(feature = "schema")]
mod definition;
mod number;
mod open;
mod raw;
mod record;

pub mod administration;
pub mod auth;
pub mod claim;
pub mod commit;
pub mod delta;
pub mod error;
pub mod frame;
pub mod http;
pub mod operation;
pub mod presence;
#[cfg(feature = "schema")]
pub mod schema;
pub mod source;
pub mod sync;

pub use administration::*;
pub use auth::*;
pub use backoff::Backoff;
pub use claim::*;
pub use commit::*;
pub use delta::*;
pub use error::*;
pub use frame::*;
pub use http::*;
pub use number::{MAX_SAFE, Millis, Seconds, SyncId};
pub use open::{Maybe, Object};
pub use operation::*;
pub use presence::*;
pub use raw::{RawData, RawJson, RawRow};
#[cfg(feature = "schema")]
pub use schema::{
    Direction, HTTP_BODIES, HttpBody, definition_names_for_http, frames_schema, http_components,
};
pub use source::*;
pub use sync::*;
