//! Applies rows of a data source to the mirror and the sync log.
//!
//! No permissions are checked: the source has already applied the change.

use super::Engine;
use super::change::{OperationKind, PlannedChange};
use super::commit::{GroupChange, RowWriter};
use super::groups::row_groups;
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::new_row::{NewValue, RowOrigin};
use crate::models::{Column, ColumnRole, Model};
use crate::store::Tx;
use crate::value::{Cell, Row, stored_date};
use ablo_wire::RawRow;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A change that the source has applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpstreamChange<'p> {
    /// The row.
    pub(crate) id: &'p str,
    /// The kind of the change.
    pub(crate) kind: OperationKind,
    /// The row after the change; `None` if it was deleted.
    pub(crate) row: Option<&'p RawRow>,
    /// The transaction id of the delta.
    pub(crate) transaction: Option<&'p str>,
    /// The turn that caused the change.
    pub(crate) caused_by: Option<&'p str>,
    /// The claim under which the row was written.
    pub(crate) claim: Option<&'p str>,
}

/// Updates the mirror and returns the sync id of the delta, or 0 if nothing changed.
pub(crate) fn apply(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    upstream: UpstreamChange<'_>,
) -> Result<u64> {
    let id = super::plan::row_id(upstream.id)?;
    let change = PlannedChange {
        transaction: upstream.transaction.map(str::to_owned),
        ..PlannedChange::made(model.id, upstream.kind, id)
    };
    let caused_by = upstream.caused_by;
    let claim = upstream.claim;
    let writer = RowWriter { engine, who, caused_by, claim, change: &change, model };
    let (rows, organization) = (engine.rows(), who.organization.as_str());
    let before = rows.find(tx, organization, model, change.id.as_str())?;
    let (sync_id, _) = match (before, upstream.row) {
        (None, None) => return Ok(0),
        (Some(before), None) => {
            let groups = row_groups(engine, tx, organization, model, &before)?;
            writer.delete(tx, &before, &groups)?
        }
        (None, Some(row)) => {
            let row = cells(tx, who, model, upstream.id, row, None)?;
            let groups = row_groups(engine, tx, organization, model, &row)?;
            writer.insert(tx, &row, groups)?
        }
        (Some(before), Some(row)) => {
            let row = cells(tx, who, model, upstream.id, row, Some(&before))?;
            let differs = |at: &usize| !model.columns[*at].kind.same(&before[*at], &row[*at]);
            let changed: Vec<(usize, Cell)> =
                (0..model.columns.len()).filter(differs).map(|at| (at, row[at].clone())).collect();
            if changed.is_empty() {
                return Ok(0);
            }
            let groups = GroupChange {
                before: row_groups(engine, tx, organization, model, &before)?,
                after: row_groups(engine, tx, organization, model, &row)?,
            };
            writer.update(tx, &changed, &before, groups)?
        }
    };
    Ok(sync_id)
}

/// Builds all columns: from the source, else from the mirrored row, else from defaults.
fn cells(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    id: &str,
    row: &RawRow,
    before: Option<&Row>,
) -> Result<Row> {
    let members: BTreeMap<String, Box<RawValue>> =
        row.decode().map_err(|error| ApiError::new("invalid_json", error.to_string()))?;
    let now = stored_date(tx.now());
    let origin =
        RowOrigin { id, organization: &who.organization, participant: &who.participant, now: &now };
    let cell = |(at, column): (usize, &Column)| -> Result<Cell> {
        let path = || format!("{}.{}", model.key, column.member);
        let fixed = matches!(column.role, ColumnRole::Id | ColumnRole::Organization);
        let sent = members.get(&column.member).filter(|_| !fixed);
        let sent = sent.filter(|value| value.get() != "null" || !column.required);
        if let Some(value) = sent {
            return match value.get() {
                "null" => Ok(Cell::Null),
                _ => column.read(value).map_err(|expected| {
                    let path = path();
                    let message = format!(
                        "the source sent an invalid value for {path} of {id}: expected {expected}"
                    );
                    ApiError::new("check_violation", message).param(path).into()
                }),
            };
        }
        let kept = before.filter(|_| !fixed).and_then(|before| before.get(at)).cloned();
        let filled = match model.new_value(at) {
            // The source has filled its row; the writer is not known here.
            NewValue::Participant | NewValue::Organization
                if column.role == ColumnRole::Declared =>
            {
                None
            }
            value => origin.cell(value),
        };
        match kept.or(filled) {
            Some(cell) => Ok(cell),
            None if column.required => {
                let path = path();
                let message =
                    format!("the source sent no value for {path} of {id}, which is required");
                Err(ApiError::new("model_required_field_missing", message).param(path).into())
            }
            None => Ok(Cell::Null),
        }
    };
    model.columns.iter().enumerate().map(cell).collect()
}
