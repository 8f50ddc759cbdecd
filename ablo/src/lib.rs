//! The runtime that generated ablo code is written against.
//!
//! `ablo generate --target rust` prints declarations: per model a struct, its enums, and one table that a macro of this
//! crate turns into a create, a patch, field tokens and a descriptor. All behaviour is generic code here: how a [`Row`]
//! is read and written, what a [`Patch`] sends, how an enum keeps a value that only newer writers know.
//!
//! ```
//! # mod generated { include!("../tests/weather.in"); }
//! use ablo::Row;
//! use generated::{WeatherReport, WeatherReportStatus};
//!
//! let text = r#"{"id":"report_stockholm","createdAt":"2026-06-01T08:00:00.000Z","updatedAt":"2026-06-01T08:00:00.000Z",
//!   "location":"Stockholm","status":"pending","mood":"hopeful"}"#;
//! let row: Row<WeatherReport> = serde_json::from_str(text)?;
//! assert_eq!(row.status, WeatherReportStatus::Pending);
//! assert_eq!(row.unknown.get("mood"), Some("\"hopeful\""));
//!
//! let patch = WeatherReport::patch().status(WeatherReportStatus::Ready).forecast(None);
//! assert_eq!(serde_json::to_string(&patch)?, r#"{"status":"ready","forecast":null}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod codec;
mod descriptor;
mod field;
mod id;
mod model;
mod open_enum;
mod patch;
mod row;
mod timestamp;

pub use ablo_wire as wire;
pub use codec::{
    ActorRef, DecodeError, DeltaRef, Deltas, Iter as DeltaIter, Naming, Readable, RowRef, Slot, TypedDelta,
};
pub use descriptor::{
    FieldDescriptor, FieldKind, Load, ModelDescriptor, Plane, RelationDescriptor, RelationKind, RoleDescriptor,
    SchemaDescriptor, Tenancy,
};
pub use field::Field;
pub use id::Id;
pub use model::Model;
pub use open_enum::{OpenEnum, UnknownValue};
pub use patch::{Change, Patch};
pub use row::{Row, UnknownFields};
pub use timestamp::{Timestamp, TimestampError};

/// What a `json` field holds: any JSON value, its members in the order in which they came.
///
/// Integers of up to 64 bits are exact; other numbers are doubles, as they are in every JavaScript client.
pub type Json = serde_json::Value;
