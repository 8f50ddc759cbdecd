//! Turns of agents: opened with a prompt, closed with their cost (docs/protocol/commits.md §12).

use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::store::Tx;
use crate::store::tables::turns::{self as table, Turn};
use crate::value::stored_date;
use ablo_wire::{TaskClose, TaskOpen};

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
pub fn open(tx: &mut Tx<'_>, who: &Identity, id: &str, request: &TaskOpen) -> Result<OpenedTurn> {
    if request.prompt.chars().count() > MAX_PROMPT_CHARS || request.prompt.is_empty() {
        let message = format!("a prompt must have 1 to {MAX_PROMPT_CHARS} characters");
        return Err(ApiError::new("turn_validation_failed", message).param("prompt").into());
    }
    if let Some(parent) = &request.parent_task_id {
        match table::find(tx, &who.organization, parent)? {
            None => {
                return Err(ApiError::new(
                    "parent_turn_not_found",
                    format!("unknown turn `{parent}`"),
                )
                .into());
            }
            Some(turn) if !turn.belongs_to(who) => {
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
    table::insert(tx, who, id, &prompt_hash, request, &at)?;
    Ok(OpenedTurn { id: id.to_owned(), prompt_hash, at })
}

/// Closes a turn. Returns whether it was open, and when it ended.
///
/// # Errors
///
/// Returns `turn_not_found`, `turn_foreign_agent`, or an error if a statement fails.
pub fn close(
    tx: &mut Tx<'_>,
    who: &Identity,
    id: &str,
    costs: &TaskClose,
) -> Result<(bool, String)> {
    let ended = ended_at(tx, who, id)?;
    if let Some(ended) = ended {
        return Ok((false, ended));
    }
    let now = stored_date(tx.now());
    table::close(tx, &who.organization, id, costs, &now)?;
    Ok((true, now))
}

/// Checks that a turn is open and may cause writes of this participant.
pub(super) fn check(who: &Identity, id: &str, turn: Option<&Turn>) -> Result<(), ApiError> {
    match &own(who, id, turn)?.ended_at {
        None => Ok(()),
        Some(_) => Err(ApiError::new("turn_not_found", format!("the turn `{id}` is closed"))),
    }
}

/// Returns when a turn of this participant ended, or `None` if it is open.
fn ended_at(tx: &mut Tx<'_>, who: &Identity, id: &str) -> Result<Option<String>> {
    let turn = table::find(tx, &who.organization, id)?;
    Ok(own(who, id, turn.as_ref())?.ended_at.clone())
}

/// Checks that a turn exists and may cause writes of this participant.
fn own<'t>(who: &Identity, id: &str, turn: Option<&'t Turn>) -> Result<&'t Turn, ApiError> {
    match turn {
        None => Err(ApiError::new("turn_not_found", format!("unknown turn `{id}`"))),
        Some(turn) if !turn.belongs_to(who) && !who.is_system() => {
            Err(ApiError::new("turn_foreign_agent", "the turn belongs to another agent"))
        }
        Some(turn) => Ok(turn),
    }
}
