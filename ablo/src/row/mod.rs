//! Rows: what every row has, what its model declares, and what this build does not know.
//!
//! Reading goes member by member straight into typed fields. A member that the model does not declare is kept as the text
//! it came as, in its place among its like, and written back untouched: a client that is older than a row loses nothing.

mod decode;
mod encode;
mod unknown;
mod value;

pub use unknown::UnknownFields;
pub(crate) use value::{exact, in_range};

use crate::{Field, Id, Timestamp};
use std::ops::Deref;

/// A row of the model `M`.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::Row;
/// use generated::WeatherReport;
///
/// let text = r#"{"id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","updatedAt":"2026-06-01T08:00:00.000Z",
///   "location":"Stockholm","status":"pending","wind":{"ms" : 1.0}}"#;
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
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The organisation that owns it, where the server says.
    pub organization_id: Option<String>,
    /// Who created it, where the server says.
    pub created_by: Option<String>,
    /// The declared fields; the row dereferences to them.
    pub data: M,
    /// The members that this build does not know.
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
