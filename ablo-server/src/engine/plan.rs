//! Validates the operations of a commit against the schema and the scope of the sender.
//!
//! Nothing here touches a database.

use super::access;
use super::change::{OperationKind, PlannedChange};
use super::relative::{self, RelativeChanges};
use crate::error::ApiError;
use crate::identity::{Identity, Operations};
use crate::models::{Column, ColumnRole, Model, Models};
use crate::value::Cell;
use ablo_wire::{OnStale, Operation, RawRow, Verb};
use serde_json::value::RawValue;

/// Maximum number of operations per commit (docs/protocol/differences.md D10).
pub const MAX_OPERATIONS: usize = 1000;
/// Maximum length of the ids of rows and commits, in bytes.
pub const MAX_ID_BYTES: usize = 256;
/// Maximum length of the transaction id of an operation, in bytes. Clients make them from the key
/// of the commit and a number.
const MAX_TRANSACTION_BYTES: usize = MAX_ID_BYTES + 44;
/// Maximum number of predecessors that an operation names.
pub const MAX_PREDECESSORS: usize = 100;

/// Validates the operations of a commit.
///
/// # Errors
///
/// Returns the error of the first invalid operation.
pub fn plan(
    models: &Models,
    who: &Identity,
    operations: &[Operation<RawRow>],
) -> Result<Vec<PlannedChange>, ApiError> {
    if operations.is_empty() {
        return Err(ApiError::new(
            "commit_operation_required",
            "a commit needs at least one operation",
        ));
    }
    if operations.len() > MAX_OPERATIONS {
        let message = format!(
            "the commit has {} operations; the maximum is {MAX_OPERATIONS}",
            operations.len()
        );
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
    let kind = OperationKind::of(&operation.verb).ok_or_else(|| {
        let verb = if let Verb::Other(verb) = &operation.verb { verb } else { "" };
        let message = format!(
            "unknown verb `{verb}`; expected create, update, adjust, delete, archive or unarchive"
        );
        ApiError::new("commit_operation_unsupported", message)
    })?;
    access::check_write(model, who, kind)?;
    let id = operation.id.value().filter(|id| !id.is_empty());
    let (id, generated_id) = match (id, kind) {
        (Some(id), OperationKind::Create) => (id_of_type(model, new_row_id(id)?)?, false),
        (Some(id), _) => (row_id(id)?, false),
        (None, OperationKind::Create) => {
            (id_of_type(model, uuid::Uuid::new_v4().hyphenated().to_string())?, true)
        }
        (None, _) => {
            return Err(ApiError::new(
                "model_identifier_missing",
                format!("the operation on {} has no `id`", model.key),
            ));
        }
    };
    let cells = match kind {
        OperationKind::Create | OperationKind::Update => cells(model, who, operation.data.value())?,
        OperationKind::Archive(archived) => archive(model, archived)?,
        OperationKind::Delete => Vec::new(),
    };
    let relative = relative(model, who, operation, &cells)?;
    let stale_guard = match operation.on_stale.value() {
        None | Some(OnStale::Reject) => {
            operation.read_at.value().map(|at| at.0).filter(|at| *at > 0)
        }
        Some(OnStale::Force | OnStale::Flag) => None,
        Some(mode) => {
            let message =
                format!("`onStale: \"{}\"` is not supported; use reject or force", mode.as_str());
            return Err(ApiError::new("invalid_request", message).param("onStale"));
        }
    };
    let transaction = operation.transaction_id.value().filter(|id| !id.is_empty()).cloned();
    if let Some(id) =
        transaction.as_ref().filter(|id| id.len() > MAX_TRANSACTION_BYTES || id.contains('\0'))
    {
        let shown: String = id.chars().take(40).collect();
        let message = format!(
            "`{shown}…` is not a transaction id: it can have at most {MAX_TRANSACTION_BYTES} bytes \
             without U+0000"
        );
        return Err(ApiError::new("invalid_request", message).param("transactionId"));
    }
    let bypass_claims =
        operation.bypass == Some(true) && who.is_system() && who.operations == Operations::All;
    Ok(PlannedChange {
        model: model.id,
        kind,
        id,
        generated_id,
        cells,
        relative,
        transaction,
        stale_guard,
        after: predecessors(operation)?,
        bypass_claims,
    })
}

/// Returns the relative changes of an operation.
fn relative(
    model: &Model,
    who: &Identity,
    operation: &Operation<RawRow>,
    cells: &[(usize, Cell)],
) -> Result<RelativeChanges, ApiError> {
    let refused = |message: &str| ApiError::new("invalid_request", message).param("relative");
    match (&operation.verb, &operation.relative) {
        (Verb::Adjust, Some(given)) => {
            let changes = relative::parse(model, given)?;
            for (at, ..) in &changes {
                access::check_adjust(model, *at, who)?;
            }
            let is_set = |at: &usize| cells.iter().any(|(cell, _)| cell == at);
            match changes.iter().any(|(at, ..)| is_set(at)) {
                true => Err(refused("a field cannot be both in `data` and in `relative`")),
                false => Ok(changes),
            }
        }
        (Verb::Adjust, None) => Err(refused("the verb `adjust` needs `relative`")),
        (_, Some(_)) => Err(refused("only the verb `adjust` can have `relative`")),
        (_, None) => Ok(Vec::new()),
    }
}

/// Returns the operations on which an operation is based.
fn predecessors(operation: &Operation<RawRow>) -> Result<Vec<String>, ApiError> {
    let after = operation.after.as_deref().unwrap_or_default();
    if after.len() > MAX_PREDECESSORS || after.iter().any(|id| id.len() > MAX_TRANSACTION_BYTES) {
        let message = format!(
            "`after` can have at most {MAX_PREDECESSORS} transaction ids of at most \
             {MAX_TRANSACTION_BYTES} bytes"
        );
        return Err(ApiError::new("invalid_request", message).param("after"));
    }
    Ok(after.to_vec())
}

/// Finds the model that a request names.
///
/// # Errors
///
/// Returns `unknown_model` with a list of known models.
pub fn find<'m>(models: &'m Models, name: &str) -> Result<&'m Model, ApiError> {
    if name.is_empty() {
        return Err(ApiError::new(
            "commit_operation_model_required",
            "the operation has no `model`",
        ));
    }
    models.find(name).ok_or_else(|| {
        let known: Vec<&str> = models.iter().map(|model| model.key.as_str()).take(20).collect();
        let shown: String = name.chars().take(60).collect();
        ApiError::new(
            "unknown_model",
            format!("unknown model `{shown}`; the models are {}", known.join(", ")),
        )
    })
}

/// Validates a row id.
///
/// # Errors
///
/// Returns `invalid_id`.
pub fn row_id(id: &str) -> Result<String, ApiError> {
    match id {
        "" => Err(ApiError::new("invalid_id", "an id must not be empty")),
        id if id.len() > MAX_ID_BYTES => {
            Err(ApiError::new("invalid_id", format!("an id can have at most {MAX_ID_BYTES} bytes")))
        }
        id if id.contains('\0') => {
            Err(ApiError::new("invalid_id", "an id must not contain U+0000"))
        }
        id => Ok(id.to_owned()),
    }
}

/// Validates the id of a new row. Ids are parts of URLs and lines of logs; rows that have other ids
/// already can still be written.
pub(super) fn new_row_id(id: &str) -> Result<String, ApiError> {
    let message = match id {
        "." | ".." => "an id must not be `.` or `..`, which URLs resolve",
        id if id.chars().any(char::is_control) => "an id must not contain control characters",
        id => return row_id(id),
    };
    Err(ApiError::new("invalid_id", message))
}

/// Checks that the column of a model's ids stores an id.
pub(super) fn id_of_type(model: &Model, id: String) -> Result<String, ApiError> {
    let Some(column) = model.columns.first() else { return Ok(id) };
    match column.check_type(&Cell::Text(id.clone())) {
        Ok(()) => Ok(id),
        Err(expected) => {
            let path = format!("{}.id", model.key);
            let message = format!("{path} is expected to be {expected}");
            Err(ApiError::new("invalid_id", message).param(path))
        }
    }
}

/// Returns the members of an object in order; of repeated names, the last one counts.
fn members(row: &RawRow) -> Result<indexmap::IndexMap<String, Box<RawValue>>, ApiError> {
    row.decode().map_err(|error| ApiError::new("invalid_json", error.to_string()))
}

/// Parses the members of a row. Members that the coordinator fills and unknown members are skipped
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
            tracing::debug!(model = model.key, member = name, "ignored an unknown member");
            continue;
        };
        let column = &model.columns[at];
        match column.role {
            ColumnRole::Declared => cells.push((at, read(model, column, &value)?)),
            ColumnRole::Organization => same_organization(model, who, &value)?,
            ColumnRole::Id
            | ColumnRole::CreatedBy
            | ColumnRole::CreatedAt
            | ColumnRole::UpdatedAt => {}
        }
    }
    Ok(cells)
}

pub(super) fn same_organization(
    model: &Model,
    who: &Identity,
    value: &RawValue,
) -> Result<(), ApiError> {
    let given: Option<String> = serde_json::from_str(value.get()).unwrap_or_default();
    match given {
        Some(given) if given != who.organization => {
            let message =
                format!("rows of {} belong to the organisation of their writer", model.key);
            Err(ApiError::new("organization_mismatch", message)
                .param(format!("{}.organizationId", model.key)))
        }
        _ => Ok(()),
    }
}

/// Parses and validates one value.
pub(super) fn read(model: &Model, column: &Column, value: &RawValue) -> Result<Cell, ApiError> {
    let path = || format!("{}.{}", model.key, column.member);
    if value.get() == "null" {
        return match column.required {
            false => Ok(Cell::Null),
            true => {
                Err(ApiError::new("not_null_violation", format!("{} must not be null", path()))
                    .param(path()))
            }
        };
    }
    let cell = column.read(value).map_err(|expected| {
        ApiError::new("check_violation", format!("{} is expected to be {expected}", path()))
            .param(path())
    })?;
    column.check_shape(&cell).map_err(|reason| {
        ApiError::new("check_violation", format!("{} {reason}", path())).param(path())
    })?;
    Ok(cell)
}

/// Returns the column that archiving sets, with its value.
fn archive(model: &Model, archived: bool) -> Result<Vec<(usize, Cell)>, ApiError> {
    match model.archived_at() {
        // `RowWriter` replaces the placeholder with the time of the write.
        Some(at) => Ok(vec![(at, if archived { Cell::Text(String::new()) } else { Cell::Null })]),
        None => {
            let message = format!(
                "rows of {} cannot be archived: the model has no field `archivedAt`",
                model.key
            );
            Err(ApiError::new("commit_operation_unsupported", message))
        }
    }
}
