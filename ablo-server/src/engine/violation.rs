//! Converts violated constraints to errors that name the fields, never the SQL behind them.

use crate::error::{ApiError, ConstraintKind, ConstraintViolation, EngineError, StoreError};
use crate::models::{ColumnRole, Model};

/// Converts the constraint violation of a write to a row. Other errors are returned unchanged.
pub(crate) fn describe(model: &Model, id: &str, error: EngineError) -> EngineError {
    match error {
        EngineError::Store(StoreError::Constraint(violation)) => {
            tracing::debug!(error = violation.message, model = model.key, "a constraint failed");
            api_error(model, id, &violation).into()
        }
        error => error,
    }
}

/// Builds the error that a row with this id exists.
pub(crate) fn id_exists(model: &Model, id: &str) -> ApiError {
    let message = format!("a row with this id exists: {}/{id}", model.key);
    ApiError::new("unique_violation", message).param(format!("{}.id", model.key))
}

/// Builds the error that an id is taken. In a table without the organisation in its key, the row
/// may belong to another one, of which nothing is said.
fn id_is_taken(model: &Model, id: &str, violation: &ConstraintViolation) -> ApiError {
    match violation.columns.len() {
        1 => violation.to_api_error(),
        _ => id_exists(model, id),
    }
}

fn api_error(model: &Model, id: &str, violation: &ConstraintViolation) -> ApiError {
    let fields = fields(model, violation);
    let Some(first) = fields.first() else { return violation.to_api_error() };
    let path = format!("{}.{first}", model.key);
    let message = match violation.kind {
        ConstraintKind::Unique if fields == ["id"] => return id_is_taken(model, id, violation),
        ConstraintKind::Unique => {
            format!("another row of {} has the same {}", model.key, list(&fields))
        }
        ConstraintKind::NotNull => format!("{path} must not be null"),
        ConstraintKind::ForeignKey => format!("{path} refers to a row that does not exist"),
        ConstraintKind::Check => format!("the value of {path} is not allowed"),
        ConstraintKind::Other | ConstraintKind::Tenancy => return violation.to_api_error(),
    };
    ApiError::new(violation.kind.code(), message).param(path)
}

/// Returns the members of the violated columns. The organisation is left out: it is part of every
/// unique index of a tenant, and no client sets it.
fn fields<'m>(model: &'m Model, violation: &ConstraintViolation) -> Vec<&'m str> {
    if violation.table.as_ref().is_some_and(|table| *table != model.table) {
        return Vec::new();
    }
    let column = |name: &String| model.columns.iter().find(|column| column.name == *name);
    let columns = violation.columns.iter().filter_map(column);
    columns
        .filter(|column| column.role != ColumnRole::Organization)
        .map(|column| column.member.as_str())
        .collect()
}

fn list(fields: &[&str]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" and ")
}
