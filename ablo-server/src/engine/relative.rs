//! Relative operations: changes of fields that start from their current values
//! (docs/protocol/commits.md §1.1).

use crate::error::ApiError;
use crate::models::{Column, Model};
use crate::value::{Cell, RelativeChange, Row};
use ablo_schema::schema::RelativeOperation;
use ablo_wire::RawRow;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The changes of an operation, by column index; each column at most once.
pub(crate) type RelativeChanges = Vec<(usize, RelativeOperation, RelativeChange)>;

/// Parses the relative changes of an operation and checks them against the schema. Unlike members
/// that are set, unknown ones are refused: ignoring one would lose a change.
pub(super) fn parse(model: &Model, given: &RawRow) -> Result<RelativeChanges, ApiError> {
    let members: indexmap::IndexMap<String, Box<RawValue>> =
        given.decode().map_err(|error| ApiError::new("invalid_json", error.to_string()))?;
    let mut changes = Vec::with_capacity(members.len());
    for (member, value) in members {
        let at = model.columns.iter().position(|column| column.member == member);
        let Some((at, column)) = at.and_then(|at| Some((at, model.columns.get(at)?))) else {
            let shown: String = member.chars().take(60).collect();
            let message = format!("{} has no field `{shown}`", model.key);
            return Err(unsupported(message));
        };
        let path = path(model, column);
        let given: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(value.get()).map_err(|_| expects_operation(&path))?;
        let [(word, by)] = given.iter().collect::<Vec<_>>()[..] else {
            return Err(expects_operation(&path));
        };
        let declared =
            RelativeOperation::find(word).filter(|operation| column.relative.contains(operation));
        let Some(operation) = declared else {
            return Err(not_declared(column, word, path));
        };
        let change = RelativeChange::read(&column.kind, operation, by)
            .map_err(|expected| mismatch(&path, &format!("`{word}` of {path}"), &expected))?;
        changes.push((at, operation, change));
    }
    Ok(changes)
}

/// Returns the values of the changed columns.
pub(super) fn apply(
    model: &Model,
    before: &Row,
    changes: &RelativeChanges,
) -> Result<Vec<(usize, Cell)>, ApiError> {
    let mut cells = Vec::with_capacity(changes.len());
    for (at, _, change) in changes {
        let (Some(column), Some(current)) = (model.columns.get(*at), before.get(*at)) else {
            continue;
        };
        let path = path(model, column);
        let cell = change
            .apply(&column.kind, current)
            .map_err(|expected| mismatch(&path, &path, &expected))?;
        column.check_type(&cell).map_err(|expected| mismatch(&path, &path, &expected))?;
        column.check_shape(&cell).map_err(|reason| {
            ApiError::new("check_violation", format!("{path} {reason}")).param(path.clone())
        })?;
        cells.push((*at, cell));
    }
    Ok(cells)
}

fn path(model: &Model, column: &Column) -> String {
    format!("{}.{}", model.key, column.member)
}

fn mismatch(path: &str, what: &str, expected: &str) -> ApiError {
    ApiError::new("check_violation", format!("{what} is expected to be {expected}")).param(path)
}

fn expects_operation(path: &str) -> ApiError {
    let message = format!("{path} is expected to be one operation, as in `{{\"increment\": 1}}`");
    ApiError::new("invalid_request", message).param(path)
}

fn not_declared(column: &Column, word: &str, path: String) -> ApiError {
    let word: String = word.chars().take(60).collect();
    let declared: Vec<&str> = column.relative.iter().map(|operation| operation.as_str()).collect();
    let message = match declared.is_empty() {
        true => format!("{path} has no relative operations; the schema declares them"),
        false => format!("{path} does not have `{word}`; it has {}", declared.join(", ")),
    };
    unsupported(message).param(path)
}

fn unsupported(message: String) -> ApiError {
    ApiError::new("commit_operation_unsupported", message)
}
