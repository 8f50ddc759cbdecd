//! A claim, a request for one, and what became of it: rows of the table come in, claims go out.

use crate::identity::Identity;
use crate::store::Row;
use crate::value::Cell;

/// A claim as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Chosen by the participant.
    pub id: String,
    /// Whose.
    pub participant: String,
    /// The participant's kind.
    pub kind: String,
    /// The key of the model.
    pub model: String,
    /// The row.
    pub row: String,
    /// What the work is, in a word.
    pub action: String,
    /// What the work is, in a sentence.
    pub description: Option<String>,
    /// Where in the row: path, range, field and further facts, for display. JSON but for the path and the field.
    pub place: ClaimDetail,
    /// `active`, `queued`, or how it ended.
    pub status: String,
    /// When it was asked for, in the form in which databases hold dates.
    pub declared_at: String,
    /// When it ends without a sign of life, in the same form.
    pub expires_at: String,
}

/// Where in a row the work is, for display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimDetail {
    /// A place inside the row.
    pub path: Option<String>,
    /// Lines inside the row, as JSON.
    pub range: Option<String>,
    /// A field of the row.
    pub field: Option<String>,
    /// Further facts, a JSON object.
    pub meta: Option<String>,
}

/// A request for a claim.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Chosen by the participant: the same request sent again has the same.
    pub id: String,
    /// The row.
    pub row: String,
    /// What the work is, in a word.
    pub action: String,
    /// What the work is, in a sentence.
    pub description: Option<String>,
    /// Where in the row.
    pub place: ClaimDetail,
    /// How long it is held without a sign of life, in milliseconds.
    pub ttl: u64,
    /// Whether to wait where the row is held.
    pub queue: bool,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The row is held.
    Held(Claim),
    /// The claim waits; 0 is next.
    Queued(Claim, u64),
    /// Another holds the row, and waiting was not asked for.
    Refused(Claim),
}

/// Who holds a row, and who waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimQueue {
    /// The holder.
    pub holder: Option<Claim>,
    /// Who waits, next first.
    pub queue: Vec<Claim>,
    /// Claims that ended a short while ago, until they are swept away.
    pub ended: Vec<Claim>,
}

impl Claim {
    /// Whether it is this participant's.
    #[must_use]
    pub fn is_of(&self, who: &Identity) -> bool {
        who.is(&self.kind, &self.participant)
    }

    /// Whether it holds or waits.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.status.as_str(), "active" | "queued")
    }

    /// How its participant is called: an agent with a prefix (docs/protocol/commits.md §11).
    #[must_use]
    pub fn claimant(&self) -> String {
        match self.kind.as_str() {
            "agent" => format!("agent:{}", self.participant),
            _ => self.participant.clone(),
        }
    }
}

/// A claim from the columns that every select of them has, in their order.
pub(super) fn claim(row: Row) -> Claim {
    let mut cells = row.into_iter();
    let mut text = || cells.next().and_then(Cell::into_text);
    let mut required = || text().unwrap_or_default();
    let (id, participant, kind) = (required(), required(), required());
    let (model, row, action) = (required(), required(), required());
    let description = text();
    let place = ClaimDetail { path: text(), range: text(), field: text(), meta: text() };
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
        place,
        status,
        declared_at,
        expires_at,
    }
}
