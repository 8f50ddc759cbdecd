//! Applies rows of a data source to the mirror and the sync log.
//!
//! No permissions are checked: the source has already applied the change.

use super::Engine;
use super::commit::{Commit, RowWriter};
use super::groups::row_groups;
use super::plan::{OperationKind, PlannedChange};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::{Column, ColumnDefault, ColumnRole, Model};
use crate::store::{Row, Tx};
use crate::value::{Cell, stored_date};
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
}

/// Updates the mirror and returns the sync id of the delta, or 0 if nothing changed.
pub(crate) fn apply(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    upstream: UpstreamChange<'_>,
) -> Result<u64> {
    let change = PlannedChange {
        model: model.id,
        kind: upstream.kind,
        id: super::plan::row_id(upstream.id)?,
        generated_id: false,
        cells: Vec::new(),
        transaction: upstream.transaction.map(str::to_owned),
        stale_guard: None,
        bypass_claims: true,
    };
    let commit = Commit {
        client_tx_id: String::new(),
        changes: Vec::new(),
        body_hash: String::new(),
        caused_by: upstream.caused_by.map(str::to_owned),
        claim: None,
    };
    let writer = RowWriter { engine, who, commit: &commit, change: &change, model };
    let before = writer.current(tx)?;
    let groups = match &before {
        Some(row) => row_groups(engine, tx, &who.organization, model, row)?,
        None => Default::default(),
    };
    match (before, upstream.row) {
        (None, None) => Ok(0),
        (Some(before), None) => writer.delete(tx, &groups, &before),
        (None, Some(row)) => {
            let cells = cells(tx, who, model, upstream.id, row, None)?;
            writer.insert(tx, &cells, false)
        }
        (Some(before), Some(row)) => {
            let cells = cells(tx, who, model, upstream.id, row, Some(&before))?;
            let (mut columns, mut values) =
                (Vec::new(), vec![who.organization.as_str().into(), upstream.id.into()]);
            for (at, cell) in cells.into_iter().enumerate() {
                if !model.columns[at].kind.same(&before[at], &cell) {
                    columns.push(at);
                    values.push(cell);
                }
            }
            match columns.is_empty() {
                true => Ok(0),
                false => writer.set(tx, &groups, &before, (&columns, &values), false),
            }
        }
    }
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
    let cell = |(at, column): (usize, &Column)| -> Result<Cell> {
        match column.role {
            ColumnRole::Id => return Ok(id.into()),
            ColumnRole::Organization => return Ok(who.organization.as_str().into()),
            _ => {}
        }
        let sent =
            members.get(&column.member).filter(|value| value.get() != "null" || !column.required);
        if let Some(value) = sent {
            return match value.get() {
                "null" => Ok(Cell::Null),
                _ => column.kind.read(value).map_err(|expected| {
                    let path = format!("{}.{}", model.key, column.member);
                    let message = format!(
                        "the source sent an invalid value for {path} of {id}: expected {expected}"
                    );
                    ApiError::new("check_violation", message).param(path).into()
                }),
            };
        }
        if let Some(before) = before.and_then(|before| before.get(at)) {
            return Ok(before.clone());
        }
        Ok(match (column.role, &column.default) {
            (ColumnRole::CreatedAt | ColumnRole::UpdatedAt, _) | (_, Some(ColumnDefault::Now)) => {
                now.as_str().into()
            }
            (ColumnRole::CreatedBy, _) => who.participant.as_str().into(),
            (_, Some(ColumnDefault::Value(cell))) => cell.clone(),
            (_, None) if column.required => {
                let path = format!("{}.{}", model.key, column.member);
                let message =
                    format!("the source sent no value for {path} of {id}, which is required");
                return Err(ApiError::new("model_required_field_missing", message)
                    .param(path)
                    .into());
            }
            _ => Cell::Null,
        })
    };
    model.columns.iter().enumerate().map(cell).collect()
}
