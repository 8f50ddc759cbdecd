//! Rows in bulk: new rows that are written without an entry of the sync log each.
//!
//! One entry makes readers load the rows again. Rows of a membership model have entries as usual,
//! because they change what their subjects may see.

use super::change::{OperationKind, PlannedChange};
use super::commit::{RowWriter, check_size};
use super::groups::row_groups;
use super::{Engine, plan, violation};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::new_row::RowOrigin;
use crate::models::row::id;
use crate::models::{ColumnMapping, ColumnRole, Model};
use crate::store::tables::log_bounds;
use crate::store::{Notification, Tx};
use crate::value::{Cell, Row, stored_date};
use indexmap::IndexMap;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The values of a row that is to be imported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BulkRow {
    pub(crate) id: String,
    /// The other values that were given, by column index.
    cells: Vec<(usize, Cell)>,
}

/// Reads a row from a JSON object with the members of a row as clients read it.
pub(crate) fn parse(model: &Model, who: &Identity, json: &str) -> Result<BulkRow, ApiError> {
    let members: IndexMap<String, Box<RawValue>> = serde_json::from_str(json)
        .map_err(|error| ApiError::new("invalid_json", format!("not a JSON object: {error}")))?;
    let (mut row_id, mut cells) = (None, Vec::new());
    for (name, value) in members {
        let found = model.columns.iter().position(|column| column.member == name);
        let known = found.and_then(|at| Some((at, model.columns.get(at)?)));
        let known = known.filter(|(_, column)| column.mapping != ColumnMapping::Missing);
        let Some((at, column)) = known else {
            let message = format!("{} has no field `{name}`", model.key);
            return Err(ApiError::new("invalid_request", message).param(name));
        };
        match column.role {
            // A date that readers are shown, and that the table does not have.
            _ if column.mapping == ColumnMapping::Epoch => {}
            ColumnRole::Id => row_id = Some(plan::read(model, column, &value)?),
            ColumnRole::Organization => plan::same_organization(model, who, &value)?,
            _ => cells.push((at, plan::read(model, column, &value)?)),
        }
    }
    let Some(row_id) = row_id.and_then(Cell::into_text) else {
        let message = format!("the row of {} has no `id`", model.key);
        return Err(ApiError::new("model_identifier_missing", message).param("id"));
    };
    Ok(BulkRow { id: plan::id_of_type(model, plan::new_row_id(&row_id)?)?, cells })
}

/// The outcome of an import of a set of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// The number of rows that were inserted.
    pub(crate) inserted: usize,
    /// The number of rows that existed with these values.
    pub(crate) present: usize,
    /// The positions of rows that exist with other values. They are left as they are.
    pub(crate) differing: Vec<usize>,
}

/// Inserts those rows that do not exist.
///
/// # Errors
///
/// Returns why a row cannot be inserted; nothing is written then.
pub(crate) fn insert(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    rows: &[BulkRow],
) -> Result<Imported> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let found = engine.rows().find_all(tx, &who.organization, model, &ids)?;
    let mut known: BTreeMap<String, Row> =
        found.into_iter().map(|row| (id(&row).to_owned(), row)).collect();
    let (mut done, mut new) = (Imported::default(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        match known.get(&row.id) {
            Some(stored) if has_values(model, stored, row) => done.present += 1,
            Some(_) => done.differing.push(at),
            None => {
                let built = build(engine, tx, who, model, row)?;
                known.insert(row.id.clone(), built.clone());
                new.push(built);
            }
        }
    }
    if new.is_empty() {
        return Ok(done);
    }
    done.inserted = new.len();
    write(engine, tx, who, model, &new).map_err(|error| violation::describe(model, error))?;
    // Rows of a membership model have entries of their own.
    if model.grants.is_none() {
        log_bounds::append_reload(tx, who)?;
    }
    tx.notify(Notification::LogGrown { organization: who.organization.clone() })?;
    Ok(done)
}

fn has_values(model: &Model, stored: &Row, given: &BulkRow) -> bool {
    given.cells.iter().all(|(at, cell)| match (model.columns.get(*at), stored.get(*at)) {
        (Some(column), Some(stored)) => column.kind.same(stored, cell),
        _ => false,
    })
}

/// Builds all columns of a row from the given values and defaults.
fn build(
    engine: &Engine,
    tx: &Tx<'_>,
    who: &Identity,
    model: &Model,
    given: &BulkRow,
) -> Result<Row, ApiError> {
    let now = stored_date(tx.now());
    let origin = RowOrigin {
        id: &given.id,
        organization: &who.organization,
        participant: &who.participant,
        now: &now,
    };
    let mut row = Row::with_capacity(model.columns.len());
    for (at, column) in model.columns.iter().enumerate() {
        let cell = given.cells.iter().find(|(given, _)| *given == at).map(|(_, cell)| cell.clone());
        row.push(match cell.or_else(|| origin.cell(model.new_value(at))) {
            Some(cell) => cell,
            None if column.required => {
                let path = format!("{}.{}", model.key, column.member);
                let message = format!("{path} is required");
                return Err(ApiError::new("model_required_field_missing", message).param(path));
            }
            None => Cell::Null,
        });
    }
    let change = PlannedChange::made(model.id, OperationKind::Create, given.id.clone());
    check_size(model, &change, engine.models.row_bytes, None, &row)?;
    Ok(row)
}

fn write(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    rows: &[Row],
) -> Result<()> {
    if model.grants.is_none() {
        return match engine.rows().insert_all(tx, &who.organization, model, rows)? {
            true => Ok(()),
            false => {
                let message =
                    format!("a row of {} would belong to another organisation", model.key);
                Err(ApiError::new("organization_mismatch", message).into())
            }
        };
    }
    for row in rows {
        let groups = row_groups(engine, tx, &who.organization, model, row)?;
        let change = PlannedChange::made(model.id, OperationKind::Create, id(row).to_owned());
        let writer =
            RowWriter { engine, who, caused_by: None, claim: None, change: &change, model };
        writer.insert(tx, row, groups)?;
    }
    Ok(())
}
