//! Commits: the frame and the request body that carry operations, and receipts
//! (docs/protocol/commits.md). Applying a commit is the coordinator's job.

use crate::open::lenient;
use crate::record::{literal, open_enum, record};
use crate::{ErrorCode, Operation, RawJson, RawRow, Seconds, SyncId};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

record! {
    /// The payload of a `commit` frame (docs/protocol/commits.md §1).
    #[cfg_attr(feature = "schema", schemars(rename = "CommitFrame"))]
    pub struct CommitFrame<D = RawRow> {
        /// The operations. Either all are applied or none.
        operations: Vec<Operation<D>>,
        /// Identifies the commit; the receipt repeats it. Without one, the coordinator chooses it.
        client_tx_id?: String,
        /// The key by which a repeated commit is recognised, if it is not `clientTxId`.
        idempotency_key?: String,
        /// Id of the open turn that causes the writes.
        caused_by_task_id?: String,
    }
}

record! {
    /// The body of `POST /v1/commits` (docs/protocol/http.md §7).
    #[cfg_attr(feature = "schema", schemars(rename = "CommitRequest"))]
    pub struct CommitRequest<D = RawRow> {
        /// Identifies the commit; the receipt repeats it. Without one, the coordinator chooses it.
        client_tx_id?: String,
        /// The key by which a repeated commit is recognised, if it is not `clientTxId`. The header
        /// `Idempotency-Key` has precedence.
        idempotency_key?: String,
        /// Id of the claim under which the writes are made.
        intent?: String,
        /// The operations. Either all are applied or none.
        operations: Vec<Operation<D>>,
        /// Id of the open turn that causes the writes.
        caused_by_task_id?: String,
    }
}

literal! {
    /// The `object` of a receipt.
    pub struct ReceiptTag = "commit_receipt";
}

open_enum! {
    /// The outcome of a commit (docs/protocol/commits.md §6).
    pub enum CommitStatus {
        /// The commit was applied.
        Confirmed = "confirmed",
        /// The commit was refused and nothing was applied.
        Rejected = "rejected",
        /// The commit was accepted but is not applied yet (HTTP).
        Queued = "queued",
    }
}

/// The payload of a `mutation_result` frame: a receipt.
pub type MutationResult = CommitReceipt;

record! {
    /// The receipt of a commit: the payload of `mutation_result` and the response of every HTTP
    /// write (docs/protocol/commits.md §6).
    pub struct CommitReceipt {
        /// Always `commit_receipt`.
        object!: ReceiptTag,
        /// Id of the receipt; HTTP clients fall back on it.
        id?: String,
        /// The commit id sent by the client.
        client_tx_id: String,
        /// The coordinator's id of the commit. It is opaque.
        server_tx_id?: String,
        /// Whether the commit was applied.
        success: bool,
        /// The outcome.
        status?: CommitStatus,
        /// Confirmed: a delta with this id or a later one confirms the write. Rejected: the head of
        /// the sync log.
        last_sync_id?: SyncId,
        /// Confirmed: the epoch of `lastSyncId` (docs/protocol/websocket.md §8).
        epoch?: String,
        /// Number of operations in the commit.
        ops?: u64,
        /// The reason for the rejection.
        error?: CommitFailure,
    }
}

/// The reason a commit was rejected: text, or a code with details (docs/protocol/errors.md §4).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = crate::definition::tidy)
)]
#[serde(untagged)]
pub enum CommitFailure {
    /// Text without a code.
    Text(String),
    /// A code and its message.
    Detail(Box<CommitError>),
}

impl CommitFailure {
    /// Returns the code, if there is one.
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            CommitFailure::Text(_) => None,
            CommitFailure::Detail(error) => error.code.as_ref(),
        }
    }

    /// Returns the message, if there is one.
    pub fn message(&self) -> Option<&str> {
        match self {
            CommitFailure::Text(text) => Some(text),
            CommitFailure::Detail(error) => error.message.as_deref(),
        }
    }
}

impl<'de> Deserialize<'de> for CommitFailure {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        let raw = RawJson::deserialize(from)?;
        let read = match raw.get().as_bytes().first() {
            Some(b'"') => raw.decode().map(CommitFailure::Text),
            _ => raw.decode().map(CommitFailure::Detail),
        };
        read.map_err(R::Error::custom)
    }
}

record! {
    /// The reason a commit or a subscription was refused (docs/protocol/errors.md §4).
    pub struct CommitError {
        /// A registered code, or `policy:<reason>`.
        code?: ErrorCode,
        /// A human-readable message.
        message?: String,
        /// The member of the row that caused the refusal.
        field?: String,
        /// The capability that would have been sufficient. A malformed value is read as absent.
        #[serde(deserialize_with = "lenient")]
        required_capability?: RequiredCapability,
    }
}

record! {
    /// The capability that would have been sufficient (docs/protocol/errors.md §2).
    pub struct RequiredCapability {
        /// An operation such as `task.update`, or a sync group.
        scope: String,
        /// Further conditions, each one value or several.
        constraints?: BTreeMap<String, OneOrMany>,
        /// The issuer that could grant it.
        issuer?: String,
        /// Possible lifetime, in seconds.
        ttl_seconds?: Seconds,
        /// Links a request for the capability to this refusal.
        nonce?: String,
    }
}

/// One string or a list of strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = crate::definition::tidy)
)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One string.
    One(String),
    /// A list of strings.
    Many(Vec<String>),
}
