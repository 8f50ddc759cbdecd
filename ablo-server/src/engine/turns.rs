//! Turns of agents: opened with what was asked, closed with what it cost (docs/protocol/commits.md §12).

use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::store::{SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::{ParticipantKind, TaskClose, TaskOpen};

static OPEN: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_turns (id, organization_id, participant_id, prompt_hash, parent_id, surface, metadata, opened_at) \
     VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7:json}, {8:date})",
);
static OF: SqlTemplate = SqlTemplate::new(
    "SELECT participant_id, {ended_at:date} FROM ablo_turns WHERE organization_id = {1} AND id = {2}",
);
static CLOSE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_turns SET ended_at = {3:date}, cost_input_tokens = {4}, cost_output_tokens = {5}, cost_compute_ms = {6} \
     WHERE organization_id = {1} AND id = {2} AND ended_at IS NULL",
);

/// Characters of a prompt at most (docs/protocol/http.md §6).
pub const MAX_PROMPT_BYTES: usize = 256_000;

/// A turn that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// BLAKE3 of the prompt, in hexadecimal digits.
    pub prompt_hash: String,
    /// When, in the form in which databases hold dates.
    pub at: String,
}

/// Opens a turn.
///
/// # Errors
/// `turn_validation_failed`, `parent_turn_not_found`, `parent_turn_foreign_agent`, or what the database said.
pub fn open(tx: &mut dyn Tx, who: &Identity, id: &str, asked: &TaskOpen) -> Result<Opened> {
    if asked.prompt.chars().count() > MAX_PROMPT_BYTES || asked.prompt.is_empty() {
        let message = format!("a prompt has 1 to {MAX_PROMPT_BYTES} characters");
        return Err(ApiError::new("turn_validation_failed", message).param("prompt").into());
    }
    if let Some(parent) = &asked.parent_task_id {
        match owner(tx, who, parent)? {
            None => {
                return Err(ApiError::new(
                    "parent_turn_not_found",
                    format!("there is no turn `{parent}`"),
                )
                .into());
            }
            Some((agent, _)) if agent != who.participant => {
                return Err(ApiError::new(
                    "parent_turn_foreign_agent",
                    "the parent turn is another agent's",
                )
                .into());
            }
            Some(_) => {}
        }
    }
    let prompt_hash = blake3::hash(asked.prompt.as_bytes()).to_hex().to_string();
    let at = stored_date(tx.now());
    let metadata = asked
        .metadata
        .as_ref()
        .map(|metadata| serde_json::Value::Object(metadata.clone()).to_string());
    let values = [
        id.into(),
        who.organization.as_str().into(),
        who.participant.as_str().into(),
        prompt_hash.as_str().into(),
        asked.parent_task_id.as_deref().into(),
        asked.surface.as_deref().into(),
        metadata.into(),
        at.as_str().into(),
    ];
    tx.execute(OPEN.of(tx.dialect()), &values)?;
    Ok(Opened { id: id.to_owned(), prompt_hash, at })
}

/// Closes a turn; false where it was closed before.
///
/// # Errors
/// `turn_not_found`, `turn_foreign_agent`, or what the database said.
pub fn close(
    tx: &mut dyn Tx,
    who: &Identity,
    id: &str,
    costs: &TaskClose,
) -> Result<(bool, String)> {
    let ended = belongs(tx, who, id)?;
    if let Some(ended) = ended {
        return Ok((false, ended));
    }
    let now = stored_date(tx.now());
    let values = [
        who.organization.as_str().into(),
        id.into(),
        now.as_str().into(),
        super::log::place(costs.cost_input_tokens),
        super::log::place(costs.cost_output_tokens),
        super::log::place(costs.cost_compute_ms.0),
    ];
    tx.execute(CLOSE.of(tx.dialect()), &values)?;
    Ok((true, now))
}

/// Refuses a turn that a write cannot be caused by.
///
/// # Errors
/// `turn_not_found`, `turn_foreign_agent`, or what the database said.
pub fn check(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<()> {
    match belongs(tx, who, id)? {
        None => Ok(()),
        Some(_) => {
            Err(ApiError::new("turn_not_found", format!("the turn `{id}` is closed")).into())
        }
    }
}

/// When a turn of this participant ended, if it did.
fn belongs(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<Option<String>> {
    match owner(tx, who, id)? {
        None => Err(ApiError::new("turn_not_found", format!("there is no turn `{id}`")).into()),
        Some((agent, _)) if agent != who.participant && who.kind != ParticipantKind::System => {
            Err(ApiError::new("turn_foreign_agent", "the turn is another agent's").into())
        }
        Some((_, ended)) => Ok(ended),
    }
}

fn owner(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<Option<(String, Option<String>)>> {
    let found = tx.query(OF.of(tx.dialect()), &[who.organization.as_str().into(), id.into()])?;
    Ok(found.into_iter().next().and_then(|row| {
        let mut cells = row.into_iter();
        let agent = cells.next().and_then(Cell::into_text)?;
        Some((agent, cells.next().and_then(Cell::into_text)))
    }))
}
