//! Converts violated constraints to errors that name the fields, never the SQL behind them.

use crate::error::{ApiError, ConstraintKind, ConstraintViolation, EngineError, StoreError};
use crate::models::{ColumnRole, Model};

/// Converts the constraint violation of a write to a row. Other errors are returned unchanged.
pub(crate) fn describe(model: &Model, error: EngineError) -> EngineError {
    match error {
        EngineError::Store(StoreError::Constraint(violation)) => {
            tracing::debug!(error = violation.message, model = model.key, "a constraint failed");
            api_error(model, &violation).into()
        }
        error => error,
    }
}

/// Builds the error that the id of a new row is in use. It is the same whether the row is visible,
/// hidden, or in another organisation.
pub(crate) fn id_exists(model: &Model) -> ApiError {
    in_use(model, "id", &["id"])
}

fn in_use(model: &Model, first: &str, fields: &[&str]) -> ApiError {
    let message = format!("another row of {} has the same {}", model.key, list(fields));
    ApiError::new("unique_violation", message).param(format!("{}.{first}", model.key))
}

fn api_error(model: &Model, violation: &ConstraintViolation) -> ApiError {
    let fields = fields(model, violation);
    let Some(first) = fields.first() else { return violation.to_api_error() };
    let path = format!("{}.{first}", model.key);
    let message = match violation.kind {
        ConstraintKind::Unique => return in_use(model, first, &fields),
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
