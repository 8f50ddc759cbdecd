//! Turns of agents: opened with a prompt, closed with their cost (docs/protocol/commits.md §12).

use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::store::{SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::{ParticipantKind, TaskClose, TaskOpen};

static OPEN: SqlTemplate = SqlTemplate::new(
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

/// Maximum length of a prompt, in characters (docs/protocol/http.md §6).
pub const MAX_PROMPT_CHARS: usize = 256_000;

/// An opened turn.
#[derive(Clone, Debug)]
pub struct OpenedTurn {
    /// Its id.
    pub id: String,
    /// The BLAKE3 hash of the prompt, in hexadecimal.
    pub prompt_hash: String,
    /// When it was opened, in the stored date format.
    pub at: String,
}

/// Opens a turn.
///
/// # Errors
///
/// Returns `turn_validation_failed`, `parent_turn_not_found`, `parent_turn_foreign_agent`, or an
/// error if a statement fails.
pub fn open(tx: &mut dyn Tx, who: &Identity, id: &str, request: &TaskOpen) -> Result<OpenedTurn> {
    if request.prompt.chars().count() > MAX_PROMPT_CHARS || request.prompt.is_empty() {
        let message = format!("a prompt must have 1 to {MAX_PROMPT_CHARS} characters");
        return Err(ApiError::new("turn_validation_failed", message).param("prompt").into());
    }
    if let Some(parent) = &request.parent_task_id {
        match owner(tx, who, parent)? {
            None => {
                return Err(ApiError::new(
                    "parent_turn_not_found",
                    format!("unknown turn `{parent}`"),
                )
                .into());
            }
            Some((agent, _)) if agent != who.participant => {
                return Err(ApiError::new(
                    "parent_turn_foreign_agent",
                    "the parent turn belongs to another agent",
                )
                .into());
            }
            Some(_) => {}
        }
    }
    let prompt_hash = blake3::hash(request.prompt.as_bytes()).to_hex().to_string();
    let at = stored_date(tx.now());
    let metadata = request
        .metadata
        .as_ref()
        .map(|metadata| serde_json::Value::Object(metadata.clone()).to_string());
    let values = [
        id.into(),
        who.organization.as_str().into(),
        who.participant.as_str().into(),
        prompt_hash.as_str().into(),
        request.parent_task_id.as_deref().into(),
        request.surface.as_deref().into(),
        metadata.into(),
        at.as_str().into(),
    ];
    tx.execute(OPEN.sql(tx.dialect()), &values)?;
    Ok(OpenedTurn { id: id.to_owned(), prompt_hash, at })
}

/// Closes a turn. Returns whether it was open, and when it ended.
///
/// # Errors
///
/// Returns `turn_not_found`, `turn_foreign_agent`, or an error if a statement fails.
pub fn close(
    tx: &mut dyn Tx,
    who: &Identity,
    id: &str,
    costs: &TaskClose,
) -> Result<(bool, String)> {
    let ended = ended_at(tx, who, id)?;
    if let Some(ended) = ended {
        return Ok((false, ended));
    }
    let now = stored_date(tx.now());
    let values = [
        who.organization.as_str().into(),
        id.into(),
        now.as_str().into(),
        super::log::u64_to_cell(costs.cost_input_tokens),
        super::log::u64_to_cell(costs.cost_output_tokens),
        super::log::u64_to_cell(costs.cost_compute_ms.0),
    ];
    tx.execute(CLOSE.sql(tx.dialect()), &values)?;
    Ok((true, now))
}

/// Checks that a turn is open and may cause writes of this participant.
///
/// # Errors
///
/// Returns `turn_not_found`, `turn_foreign_agent`, or an error if a statement fails.
pub fn check(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<()> {
    match ended_at(tx, who, id)? {
        None => Ok(()),
        Some(_) => {
            Err(ApiError::new("turn_not_found", format!("the turn `{id}` is closed")).into())
        }
    }
}

/// Returns when a turn of this participant ended, or `None` if it is open.
fn ended_at(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<Option<String>> {
    match owner(tx, who, id)? {
        None => Err(ApiError::new("turn_not_found", format!("unknown turn `{id}`")).into()),
        Some((agent, _)) if agent != who.participant && who.kind != ParticipantKind::System => {
            Err(ApiError::new("turn_foreign_agent", "the turn belongs to another agent").into())
        }
        Some((_, ended)) => Ok(ended),
    }
}

fn owner(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<Option<(String, Option<String>)>> {
    let found = tx.query(FIND.sql(tx.dialect()), &[who.organization.as_str().into(), id.into()])?;
    Ok(found.into_iter().next().and_then(|row| {
        let mut cells = row.into_iter();
        let agent = cells.next().and_then(Cell::into_text)?;
        Some((agent, cells.next().and_then(Cell::into_text)))
    }))
}
