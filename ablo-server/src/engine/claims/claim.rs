//! Claim requests, their outcomes and claim queues.

pub use crate::store::tables::claims::{Claim, ClaimDetail};

/// A request for a claim.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The id, chosen by the participant. A repeated id repeats the request.
    pub id: String,
    /// The row.
    pub row: String,
    /// The kind of work, in one word.
    pub action: String,
    /// The work, in one sentence.
    pub description: Option<String>,
    /// The part of the row that the work is about.
    pub detail: ClaimDetail,
    /// The length of the lease, in milliseconds.
    pub ttl: u64,
    /// Whether to join the claim queue if another holder has the row.
    pub queue: bool,
    /// The connection on which the claim is requested.
    pub connection: Option<String>,
}

/// The outcome of a claim request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The requester holds the row.
    Held(Claim),
    /// The requester waits at this position, from 0.
    Queued(Claim, u64),
    /// Another holder has the row, and the request did not ask to wait.
    Refused(Claim),
}

/// The claim queue of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimQueue {
    /// The holder.
    pub holder: Option<Claim>,
    /// The waiters, first in first.
    pub waiters: Vec<Claim>,
    /// Claims that have ended and are not yet deleted.
    pub ended: Vec<Claim>,
}
