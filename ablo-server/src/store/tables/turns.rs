//! Turns of agents: opened with a prompt, closed with their cost.

use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::{SqlTemplate, Tx};
use ablo_wire::{TaskClose, TaskOpen};

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_turns (id, organization_id, participant_id, prompt_hash, parent_id, surface, \
     metadata, opened_at) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7:json}, {8:date})",
);
static FIND: SqlTemplate = SqlTemplate::new(
    "SELECT participant_id, {ended_at:date} FROM ablo_turns WHERE organization_id = {1} AND id = \
     {2}",
);
static CLOSE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_turns SET ended_at = {3:date}, cost_input_tokens = {4}, cost_output_tokens = {5}, \
     cost_compute_ms = {6} WHERE organization_id = {1} AND id = {2} AND ended_at IS NULL",
);

/// A stored turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The participant that opened it: `kind:id`, or the id alone in rows of earlier versions.
    participant: String,
    /// When it was closed, in the stored date format; `None` if it is open.
    pub(crate) ended_at: Option<String>,
}

impl Turn {
    /// Returns whether a participant opened the turn.
    pub(crate) fn belongs_to(&self, who: &Identity) -> bool {
        let has_kind = KINDS.iter().any(|kind| self.participant.starts_with(kind));
        self.participant == opener(who) || !has_kind && self.participant == who.participant
    }
}

/// The beginnings of stored participants.
const KINDS: [&str; 3] = ["user:", "agent:", "system:"];

fn opener(who: &Identity) -> String {
    format!("{}:{}", who.kind.as_str(), who.participant)
}

/// Returns a turn.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<Option<Turn>, StoreError> {
    tx.first(&FIND, &[organization.into(), id.into()], |mut record| {
        Ok(Turn {
            participant: record.text("participant_id")?,
            ended_at: record.optional_text("ended_at")?,
        })
    })
}

/// Inserts an open turn.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    who: &Identity,
    id: &str,
    prompt_hash: &str,
    request: &TaskOpen,
    at: &str,
) -> Result<(), StoreError> {
    let metadata = request
        .metadata
        .as_ref()
        .map(|metadata| serde_json::Value::Object(metadata.clone()).to_string());
    let values = [
        id.into(),
        who.organization.as_str().into(),
        opener(who).into(),
        prompt_hash.into(),
        request.parent_task_id.as_deref().into(),
        request.surface.as_deref().into(),
        metadata.into(),
        at.into(),
    ];
    tx.run(&INSERT, &values).map(drop)
}

/// Closes an open turn with its cost.
pub(crate) fn close(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    costs: &TaskClose,
    at: &str,
) -> Result<(), StoreError> {
    let values = [
        organization.into(),
        id.into(),
        at.into(),
        costs.cost_input_tokens.into(),
        costs.cost_output_tokens.into(),
        costs.cost_compute_ms.0.into(),
    ];
    tx.run(&CLOSE, &values).map(drop)
}
