//! Claims, claim requests and their outcomes.

use crate::identity::Identity;
use crate::store::Row;
use crate::value::Cell;

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its id, chosen by the participant.
    pub id: String,
    /// The participant.
    pub participant: String,
    /// The participant's kind.
    pub kind: String,
    /// The key of the model.
    pub model: String,
    /// The row.
    pub row: String,
    /// The kind of work, in one word.
    pub action: String,
    /// The work, in one sentence.
    pub description: Option<String>,
    /// The part of the row that the work is about, for display.
    pub detail: ClaimDetail,
    /// `active`, `queued`, or how the claim ended.
    pub status: String,
    /// When the claim was requested, in the stored date format.
    pub declared_at: String,
    /// When the claim expires unless it is renewed, in the stored date format.
    pub expires_at: String,
}

/// The part of a row that a claim is about, for display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimDetail {
    /// A path inside the row.
    pub path: Option<String>,
    /// A range of lines inside the row, as JSON.
    pub range: Option<String>,
    /// A field of the row.
    pub field: Option<String>,
    /// Further facts, a JSON object.
    pub meta: Option<String>,
}

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
    /// Whether to join the claim queue if another participant holds the row.
    pub queue: bool,
}

/// The outcome of a claim request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The participant holds the row.
    Held(Claim),
    /// The participant waits at this position, from 0.
    Queued(Claim, u64),
    /// Another participant holds the row, and the request did not ask to wait.
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

impl Claim {
    /// Returns whether the claim belongs to a participant.
    #[must_use]
    pub fn belongs_to(&self, who: &Identity) -> bool {
        who.is(&self.kind, &self.participant)
    }

    /// Returns whether the participant holds the row or waits for it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "active" | "queued")
    }

    /// Returns the participant's name on claims; agents have a prefix (docs/protocol/commits.md
    /// §11).
    #[must_use]
    pub fn claimant(&self) -> String {
        match self.kind.as_str() {
            "agent" => format!("agent:{}", self.participant),
            _ => self.participant.clone(),
        }
    }
}

/// Reads a claim from the columns of the `select!` statements.
pub(super) fn claim(row: Row) -> Claim {
    let mut cells = row.into_iter();
    let mut text = || cells.next().and_then(Cell::into_text);
    let mut required = || text().unwrap_or_default();
    let (id, participant, kind) = (required(), required(), required());
    let (model, row, action) = (required(), required(), required());
    let description = text();
    let detail = ClaimDetail { path: text(), range: text(), field: text(), meta: text() };
    let mut required = || text().unwrap_or_default();
    let (status, declared_at, expires_at) = (required(), required(), required());
    Claim {
        id,
        participant,
        kind,
        model,
        row,
        action,
        description,
        detail,
        status,
        declared_at,
        expires_at,
    }
}
