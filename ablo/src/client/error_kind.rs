//! Kinds of client errors, with their details.

use crate::wire::SyncId;
use serde::Deserialize;

/// The kind of an [`Error`](super::Error).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another participant holds the row.
    Claimed(Box<Holder>),
    /// The row has changed since it was read.
    Stale(Box<Stale>),
    /// The claim or its position in the claim queue was lost.
    ClaimLost,
    /// The credential is missing, unknown or expired.
    Authentication,
    /// The credential does not permit this.
    Permission,
    /// The row or other resource does not exist.
    NotFound,
    /// The request conflicts with the stored state in another way.
    Conflict,
    /// The request is invalid.
    Invalid,
    /// Too many requests were sent.
    RateLimited,
    /// The coordinator or the network failed.
    Unavailable,
    /// The response does not follow the protocol or this program's schema.
    Unreadable,
    /// Any other error.
    Other,
}

/// The holder of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The participant. An agent is `agent:<id>`.
    pub held_by: Option<String>,
    /// The id of its claim.
    #[serde(rename = "heldByIntentId")]
    pub claim_id: Option<String>,
    /// When the claim expires unless it is renewed, ISO 8601.
    #[serde(rename = "heldByExpiresAt")]
    pub expires_at: Option<String>,
}

/// The details of a refused stale write.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// The sync id that the write was based on.
    pub read_at: Option<SyncId>,
    /// The rows that have changed since.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
}

/// A row that changed between a read and the write that was based on it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// The key of the model.
    pub model: String,
    /// The id of the row.
    pub id: String,
    /// The sync id of the change.
    pub observed_sync_id: SyncId,
    /// The fields that both wrote. Empty means all fields.
    #[serde(default)]
    pub conflicting_fields: Vec<String>,
    /// The current row. Absent if it was deleted.
    #[serde(default)]
    pub data: Option<serde_json::Value>,
}
