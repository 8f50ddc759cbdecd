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
#[cfg(feature = "client")]
pub mod client;
mod codec;
mod create;
mod decimal;
mod descriptor;
mod field;
mod id;
#[cfg(feature = "typed-json")]
mod json;
mod model;
mod open_enum;
mod patch;
mod row;
mod schema;
#[cfg(feature = "source")]
pub mod source;
mod timestamp;

#[doc = include_str!("docs/enum.md")]
pub use ablo_macros::AbloEnum;
#[doc = include_str!("docs/model.md")]
pub use ablo_macros::AbloModel;
#[doc = include_str!("docs/schema.md")]
pub use ablo_macros::define_schema;
pub use ablo_wire as wire;
#[cfg(feature = "client")]
pub use client::{Client, Error};
pub use codec::{
    ActorRef, DecodeError, DeltaRef, Deltas, Iter as DeltaIter, Naming, Readable, RowRef, Slot,
    TypedDelta,
};
pub use create::Create;
pub use decimal::{Decimal, DecimalError};
pub use descriptor::{
    AutoFillDescriptor, FieldDescriptor, FieldKind, Format, GrantsDescriptor, Load,
    ModelDescriptor, Plane, RelationDescriptor, RelationKind, RoleDescriptor, SchemaDescriptor,
    Tenancy,
};
pub use field::Field;
pub use id::Id;
#[cfg(feature = "typed-json")]
pub use json::Json;
pub use model::Model;
pub use open_enum::{OpenEnum, UnknownValue};
pub use patch::{Change, Patch};
pub use row::{Row, UnknownFields};
pub use schema::{SchemaError, SchemaHashes};
pub use timestamp::{Timestamp, TimestampError};
pub use uuid::Uuid;

/// What a `json` field holds: any JSON value, its members in the order in which they came.
///
/// Integers of up to 64 bits are exact; other numbers are doubles, as they are in every JavaScript client.
pub type JsonValue = serde_json::Value;

/// The programs of docs/guide/rust-models.md.
#[cfg(all(doctest, feature = "typed-json"))]
#[doc = include_str!("../../docs/guide/rust-models.md")]
mod guide {}

/// The program of docs/guide/rust-client.md.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../../docs/guide/rust-client.md")]
mod client_guide {}
