//! Commits before they touch a database: every operation is read against the schema and the scope of its sender.
//!
//! Operations in either dialect come in; changes with checked values go out, or all that is wrong with the first operation that is.

use crate::error::ApiError;
use crate::identity::{Identity, Operations};
use crate::models::{Column, Model, ModelId, Models, Part};
use crate::value::Cell;
use ablo_wire::{OnStale, Operation, RawRow, Verb};
use serde_json::value::RawValue;

/// Operations of one commit at most (docs/protocol/differences.md D10).
pub const MAX_OPERATIONS: usize = 1000;
/// Bytes of an id at most, of rows and of commits.
pub const MAX_ID_BYTES: usize = 255;

/// One checked operation.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChange {
    /// The model.
    pub model: ModelId,
    /// What it does.
    pub act: OperationKind,
    /// The row.
    pub id: String,
    /// Whether the id was made up here.
    pub made_up: bool,
    /// The values to set, by column, each column once.
    pub cells: Vec<(usize, Cell)>,
    /// Identifies the operation over retries.
    pub transaction: Option<String>,
    /// The watermark it is based on, where staleness refuses it.
    pub guard: Option<u64>,
    /// Whether a foreign claim does not stop it.
    pub bypass: bool,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Adds a row.
    Create,
    /// Changes a row.
    Update,
    /// Deletes a row.
    Delete,
    /// Archives a row, or takes it out of the archive.
    Archive(bool),
}

/// Checks the operations of a commit.
///
/// # Errors
/// The refusal of the first operation that is not acceptable.
pub fn plan(
    models: &Models,
    who: &Identity,
    operations: &[Operation<RawRow>],
) -> Result<Vec<PlannedChange>, ApiError> {
    if operations.is_empty() {
        return Err(ApiError::new(
            "commit_operation_required",
            "a commit has at least one operation",
        ));
    }
    if operations.len() > MAX_OPERATIONS {
        let message =
            format!("{} operations, and a commit has at most {MAX_OPERATIONS}", operations.len());
        return Err(ApiError::new("commit_too_many_operations", message));
    }
    let change = |(at, operation)| {
        change(models, who, operation).map_err(|refusal| refusal.detail("operation", at))
    };
    operations.iter().enumerate().map(change).collect()
}

fn change(
    models: &Models,
    who: &Identity,
    operation: &Operation<RawRow>,
) -> Result<PlannedChange, ApiError> {
    let model = find(models, &operation.model)?;
    let act = match &operation.verb {
        Verb::Create => OperationKind::Create,
        Verb::Update => OperationKind::Update,
        Verb::Delete => OperationKind::Delete,
        Verb::Archive => OperationKind::Archive(true),
        Verb::Unarchive => OperationKind::Archive(false),
        Verb::Other(verb) => {
            let message = format!(
                "`{verb}` is no verb; the verbs are create, update, delete, archive and unarchive"
            );
            return Err(ApiError::new("commit_operation_unsupported", message));
        }
    };
    may(model, who, act)?;
    let given = operation.id.value().filter(|id| !id.is_empty());
    let (id, made_up) = match (given, act) {
        (Some(id), _) => (row_id(id)?, false),
        (None, OperationKind::Create) => (uuid::Uuid::new_v4().hyphenated().to_string(), true),
        (None, _) => {
            return Err(ApiError::new(
                "model_identifier_missing",
                format!("the operation on {} names no row", model.key),
            ));
        }
    };
    let cells = match act {
        OperationKind::Create | OperationKind::Update => cells(model, who, operation.data.value())?,
        OperationKind::Archive(away) => archive(model, away)?,
        OperationKind::Delete => Vec::new(),
    };
    let guard = match operation.on_stale.value() {
        None | Some(OnStale::Reject) => {
            operation.read_at.value().map(|at| at.0).filter(|at| *at > 0)
        }
        Some(OnStale::Force | OnStale::Flag) => None,
        Some(mode) => {
            let message =
                format!("`onStale: \"{}\"` is not available; use reject or force", mode.as_str());
            return Err(ApiError::new("invalid_request", message).param("onStale"));
        }
    };
    let transaction = operation.transaction_id.value().filter(|id| !id.is_empty()).cloned();
    let bypass =
        operation.bypass == Some(true) && who.is_system() && who.operations == Operations::All;
    Ok(PlannedChange { model: model.id, act, id, made_up, cells, transaction, guard, bypass })
}

/// The model that a request means.
///
/// # Errors
/// `unknown_model`, with the models there are.
pub fn find<'m>(models: &'m Models, name: &str) -> Result<&'m Model, ApiError> {
    if name.is_empty() {
        return Err(ApiError::new(
            "commit_operation_model_required",
            "the operation names no model",
        ));
    }
    models.find(name).ok_or_else(|| {
        let known: Vec<&str> = models.iter().map(|model| model.key.as_str()).take(20).collect();
        let shown: String = name.chars().take(60).collect();
        ApiError::new(
            "unknown_model",
            format!("there is no model `{shown}`; there are {}", known.join(", ")),
        )
    })
}

/// Whether a participant may do this to rows of a model.
fn may(model: &Model, who: &Identity, act: OperationKind) -> Result<(), ApiError> {
    let verb = match act {
        OperationKind::Create => "create",
        OperationKind::Update | OperationKind::Archive(_) => "update",
        OperationKind::Delete => "delete",
    };
    permitted(model, who, verb)?;
    if !model.mutable && !who.is_system() {
        let message =
            format!("{} is not declared mutable: only system keys write its rows", model.key);
        return Err(ApiError::new("capability_scope_denied", message)
            .required(format!("{}.{verb}", model.wire_name)));
    }
    Ok(())
}

/// Whether the scope of a credential has this operation (docs/protocol/differences.md C6).
///
/// # Errors
/// `capability_scope_denied`, with what would have been enough.
pub fn permitted(model: &Model, who: &Identity, verb: &str) -> Result<(), ApiError> {
    let permitted = match &who.operations {
        Operations::All => true,
        Operations::Read => verb == "read",
        Operations::Listed(listed) => listed.iter().any(|operation| {
            let (name, allowed) = operation.rsplit_once('.').unwrap_or((operation, ""));
            (allowed == verb || allowed == "*") && (name == "*" || model.is_called(name))
        }),
    };
    if permitted {
        return Ok(());
    }
    let scope = format!("{}.{verb}", model.wire_name);
    Err(ApiError::new("capability_scope_denied", format!("the credential does not cover {scope}"))
        .required(scope))
}

/// An id that every database takes.
///
/// # Errors
/// `invalid_id`.
pub fn row_id(id: &str) -> Result<String, ApiError> {
    match id {
        "" => Err(ApiError::new("invalid_id", "an id has at least one character")),
        id if id.len() > MAX_ID_BYTES => {
            Err(ApiError::new("invalid_id", format!("an id has at most {MAX_ID_BYTES} bytes")))
        }
        id if id.contains('\0') => Err(ApiError::new("invalid_id", "an id holds no U+0000")),
        id => Ok(id.to_owned()),
    }
}

/// The members of an object as they stand, each once, the last one where a name repeats.
fn members(row: &RawRow) -> Result<indexmap::IndexMap<String, Box<RawValue>>, ApiError> {
    row.decode().map_err(|error| ApiError::new("invalid_json", error.to_string()))
}

/// The values that a writer gives. What is the coordinator's to fill is left out, and so is what the schema does not know
/// (docs/protocol/differences.md E2, E3).
fn cells(
    model: &Model,
    who: &Identity,
    data: Option<&RawRow>,
) -> Result<Vec<(usize, Cell)>, ApiError> {
    let Some(data) = data else { return Ok(Vec::new()) };
    let mut cells = Vec::new();
    for (name, value) in members(data)? {
        let known = model.columns.iter().position(|column| column.member == name);
        let Some(at) = known else {
            tracing::debug!(
                model = model.key,
                member = name,
                "a member that the schema does not have was dropped"
            );
            continue;
        };
        let column = &model.columns[at];
        match column.part {
            Part::Declared => cells.push((at, read(model, column, &value)?)),
            Part::Organization => same_organization(model, who, &value)?,
            Part::Id | Part::CreatedBy | Part::CreatedAt | Part::UpdatedAt => {}
        }
    }
    Ok(cells)
}

fn same_organization(model: &Model, who: &Identity, value: &RawValue) -> Result<(), ApiError> {
    let given: Option<String> = serde_json::from_str(value.get()).unwrap_or_default();
    match given {
        Some(given) if given != who.organization => {
            let message =
                format!("a row of {} belongs to the organisation of its writer", model.key);
            Err(ApiError::new("organization_mismatch", message)
                .param(format!("{}.organizationId", model.key)))
        }
        _ => Ok(()),
    }
}

/// One value as its column is given it.
fn read(model: &Model, column: &Column, value: &RawValue) -> Result<Cell, ApiError> {
    let path = || format!("{}.{}", model.key, column.member);
    if value.get() == "null" {
        return match column.required {
            false => Ok(Cell::Null),
            true => {
                Err(ApiError::new("not_null_violation", format!("{} always has a value", path()))
                    .param(path()))
            }
        };
    }
    let cell = column.kind.read(value).map_err(|expected| {
        ApiError::new("check_violation", format!("{} is expected to be {expected}", path()))
            .param(path())
    })?;
    if let Some(shape) = &column.shape {
        let document = serde_json::from_str(value.get()).unwrap_or_default();
        if let Err(error) = shape.validate(&document) {
            let message = format!(
                "{} does not have its shape: {error} at `{}`",
                path(),
                error.instance_path()
            );
            return Err(ApiError::new("check_violation", message).param(path()));
        }
    }
    Ok(cell)
}

/// What archiving sets.
fn archive(model: &Model, away: bool) -> Result<Vec<(usize, Cell)>, ApiError> {
    match model.columns.iter().position(|column| column.member == "archivedAt") {
        // The time is filled in when it is known.
        Some(at) => Ok(vec![(at, if away { Cell::Text(String::new()) } else { Cell::Null })]),
        None => {
            let message = format!(
                "{} has no field `archivedAt`, so that its rows cannot be archived",
                model.key
            );
            Err(ApiError::new("commit_operation_unsupported", message))
        }
    }
}
