//! Rows: base fields, the fields that the model declares, and unknown members.
//!
//! Members that the model does not declare are kept as text in their order and written back
//! unchanged, so a client that is older than a row loses nothing.

mod changes;
mod decode;
mod encode;
mod unknown;
mod value;

pub(crate) use changes::deserialize_create;
pub use changes::deserialize_patch;
pub use unknown::UnknownFields;
pub(crate) use value::{in_range, parse_exact};

use crate::{Field, Id, Timestamp};
use std::ops::Deref;

/// A row of the model `M`.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::Row;
/// use generated::WeatherReport;
///
/// let text = r#"{"id":"r_1","createdAt":"2026-06-01T08:00:00.000Z",
///   "updatedAt":"2026-06-01T08:00:00.000Z","location":"Stockholm","status":"pending",
///   "wind":{"ms" : 1.0}}"#;
/// let mut row: Row<WeatherReport> = serde_json::from_str(text)?;
/// row.data.forecast = Some("Rain".to_owned());
/// let sent = serde_json::to_string(&row)?;
/// assert!(sent.contains(r#""forecast":"Rain""#) && sent.ends_with(r#""wind":{"ms" : 1.0}}"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Row<M> {
    /// The row's id.
    pub id: Id<M>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of the last write.
    pub updated_at: Timestamp,
    /// The organisation that owns it, if the server sends it.
    pub organization_id: Option<String>,
    /// The participant that created it, if the server sends it.
    pub created_by: Option<String>,
    /// The declared fields. The row dereferences to them.
    pub data: M,
    /// The members that the model does not declare.
    pub unknown: UnknownFields,
}

impl<M> Row<M> {
    /// The field `id`.
    pub const ID: Field<M, Id<M>> = Field::__new(0, "id");
    /// The field `createdAt`.
    pub const CREATED_AT: Field<M, Timestamp> = Field::__new(1, "createdAt");
    /// The field `updatedAt`.
    pub const UPDATED_AT: Field<M, Timestamp> = Field::__new(2, "updatedAt");
    /// The field `organizationId`.
    pub const ORGANIZATION_ID: Field<M, Option<String>> = Field::__new(3, "organizationId");
    /// The field `createdBy`.
    pub const CREATED_BY: Field<M, Option<String>> = Field::__new(4, "createdBy");
}

impl<M> Deref for Row<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.data
    }
}
