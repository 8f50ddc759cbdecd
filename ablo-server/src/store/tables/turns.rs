//! Turns of agents: opened with a prompt, closed with their cost.

use crate::error::StoreError;
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
    /// The agent that opened it.
    pub(crate) participant: String,
    /// When it was closed, in the stored date format; `None` if it is open.
    pub(crate) ended_at: Option<String>,
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
    (organization, participant): (&str, &str),
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
        organization.into(),
        participant.into(),
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
