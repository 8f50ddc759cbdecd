//! Copies: a row as its source has it comes in, the coordinator's own row and the log follow.
//!
//! Whether it may be so is not asked: it is so already.

use super::Engine;
use super::commit::{Commit, Write};
use super::groups::of_row;
use super::plan::{OperationKind, PlannedChange};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::{Column, Model, Part, Preset};
use crate::store::{Row, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::RawRow;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A row of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Put<'p> {
    /// The row.
    pub(crate) id: &'p str,
    /// What was done to it.
    pub(crate) act: OperationKind,
    /// The row as it is now; none where it is gone.
    pub(crate) row: Option<&'p RawRow>,
    /// What the log is to know the change by.
    pub(crate) transaction: Option<&'p str>,
    /// The turn that caused it.
    pub(crate) caused_by: Option<&'p str>,
}

/// Makes the coordinator's row what the source's is, and gives the place of that in the log; 0 where it is so already.
pub(crate) fn put(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    put: Put<'_>,
) -> Result<u64> {
    let change = PlannedChange {
        model: model.id,
        act: put.act,
        id: super::plan::row_id(put.id)?,
        made_up: false,
        cells: Vec::new(),
        transaction: put.transaction.map(str::to_owned),
        guard: None,
        bypass: true,
    };
    let commit = Commit {
        client_tx_id: String::new(),
        changes: Vec::new(),
        body_hash: String::new(),
        caused_by: put.caused_by.map(str::to_owned),
        claim: None,
    };
    let write = Write { engine, who, commit: &commit, change: &change, model };
    let before = write.current(tx)?;
    let old = match &before {
        Some(row) => of_row(engine, tx, &who.organization, model, row)?,
        None => Default::default(),
    };
    match (before, put.row) {
        (None, None) => Ok(0),
        (Some(before), None) => write.delete(tx, &old, &before),
        (None, Some(row)) => {
            let cells = cells(tx, who, model, put.id, row, None)?;
            write.insert(tx, &cells, false)
        }
        (Some(before), Some(row)) => {
            let cells = cells(tx, who, model, put.id, row, Some(&before))?;
            let (mut columns, mut values) =
                (Vec::new(), vec![who.organization.as_str().into(), put.id.into()]);
            for (at, cell) in cells.into_iter().enumerate() {
                if !model.columns[at].kind.same(&before[at], &cell) {
                    columns.push(at);
                    values.push(cell);
                }
            }
            match columns.is_empty() {
                true => Ok(0),
                false => write.set(tx, &old, &before, (&columns, &values), false),
            }
        }
    }
}

/// Every column of a row: what the source says, else what was there, else what a new row has.
fn cells(
    tx: &mut dyn Tx,
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
        match column.part {
            Part::Id => return Ok(id.into()),
            Part::Organization => return Ok(who.organization.as_str().into()),
            _ => {}
        }
        let said =
            members.get(&column.member).filter(|value| value.get() != "null" || !column.required);
        if let Some(value) = said {
            return match value.get() {
                "null" => Ok(Cell::Null),
                _ => column.kind.read(value).map_err(|expected| {
                    let path = format!("{}.{}", model.key, column.member);
                    let message = format!(
                        "the source says {path} of {id} otherwise: it is expected to be {expected}"
                    );
                    ApiError::new("check_violation", message).param(path).into()
                }),
            };
        }
        if let Some(before) = before.and_then(|before| before.get(at)) {
            return Ok(before.clone());
        }
        Ok(match (column.part, &column.preset) {
            (Part::CreatedAt | Part::UpdatedAt, _) | (_, Some(Preset::Now)) => now.as_str().into(),
            (Part::CreatedBy, _) => who.participant.as_str().into(),
            (_, Some(Preset::Value(cell))) => cell.clone(),
            (_, None) if column.required => {
                let path = format!("{}.{}", model.key, column.member);
                let message = format!("the source says nothing of {path}, which {id} needs");
                return Err(ApiError::new("model_required_field_missing", message)
                    .param(path)
                    .into());
            }
            _ => Cell::Null,
        })
    };
    model.columns.iter().enumerate().map(cell).collect()
}
