//! Applies commits: the idempotency table, the rows and the outbox in one transaction.
//!
//! The idempotency key is inserted first, so that a repeated commit waits for the original one and
//! receives the same answer.

use crate::engine::Engine;
use crate::engine::change::{OperationKind, PlannedChange};
use crate::engine::plan::plan;
use crate::engine::violation;
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::models::new_row::NewValue;
use crate::models::row::{self, json};
use crate::models::{Column, ColumnMapping, ColumnRole, Model};
use crate::store::data_source::outbox::{self, NewEvent};
use crate::store::data_source::responses;
use crate::store::{Row, Tx};
use crate::value::{Cell, ValueKind, stored_date};
use ablo_wire::{SourceCommit, SourceVerb};

/// The end of the stored form of a timestamp that is a whole day.
const MIDNIGHT: &str = "00:00:00.000000Z";

/// A commit validated against the schema.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    client_tx_id: String,
    changes: Vec<PlannedChange>,
}

impl Commit {
    /// Validates a commit's operations.
    pub(super) fn new(
        engine: &Engine,
        who: &Identity,
        request: SourceCommit,
    ) -> Result<Self, ApiError> {
        let changes = plan(&engine.models, who, &request.operations)?;
        Ok(Self { client_tx_id: request.client_tx_id.unwrap_or_default(), changes })
    }

    /// Returns the commit's key, which is unique across organisations.
    fn key(&self, who: &Identity) -> String {
        format!("{}/{}", who.organization, self.client_tx_id)
    }
}

/// Applies a commit and returns its rows as a JSON array. A repeated commit returns the stored
/// ones.
pub(super) fn commit(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    commit: &Commit,
) -> Result<String> {
    let key = commit.key(who);
    let now = stored_date(tx.now());
    if let Some(answer) = responses::reserve(tx, &key, &now)? {
        return Ok(answer);
    }
    let last_event = outbox::last_number(tx)?;
    let mut rows = Vec::with_capacity(commit.changes.len());
    for (at, change) in commit.changes.iter().enumerate() {
        let model = engine.models.get(change.model);
        let write = Write { engine, who, change, model, now: &now };
        let (id, row) = write.apply(tx).map_err(|error| violation::describe(model, error))?;
        let verb = SourceVerb::from(&change.kind.verb());
        let event = NewEvent {
            id: &format!("{key}:{at}"),
            model: &model.key,
            row: &id,
            verb: verb.as_str(),
            data: row.as_deref().filter(|_| change.kind != OperationKind::Delete),
            organization: &who.organization,
            client_tx_id: &commit.client_tx_id,
            now: &now,
        };
        outbox::append(tx, last_event, event)?;
        rows.extend(row);
    }
    let answer = format!("[{}]", rows.join(","));
    responses::store(tx, &key, &answer)?;
    Ok(answer)
}

/// Returns the current row, or `None` if it does not exist or the id does not fit its column.
pub(super) fn current(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    id: &str,
) -> Result<Option<Row>> {
    let Some(id) = model.columns.first().and_then(|column| id_cell(column, id)) else {
        return Ok(None);
    };
    Ok(engine.rows().find(tx, &who.organization, model, id)?)
}

/// Converts an id to its column's value, or `None` if it does not fit.
fn id_cell(column: &Column, id: &str) -> Option<Cell> {
    match (&column.kind, &column.mapping) {
        (ValueKind::Uuid, _) => column.kind.read_text_form(id).ok(),
        // Sequence numbers of the database.
        (_, ColumnMapping::AsText(_)) => id.parse::<i64>().ok().map(|_| id.into()),
        _ => Some(id.into()),
    }
}

/// One change that is being applied to its table.
struct Write<'w> {
    engine: &'w Engine,
    who: &'w Identity,
    change: &'w PlannedChange,
    model: &'w Model,
    now: &'w str,
}

impl Write<'_> {
    /// Applies the change and returns the id and the new row, or the old row of a delete.
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(String, Option<String>)> {
        self.check_dates()?;
        let id = self.change.id.clone();
        if self.change.kind == OperationKind::Create {
            return self.create(tx);
        }
        let before = current(self.engine, tx, self.who, self.model, &id)?;
        match (self.change.kind, before) {
            (OperationKind::Delete, None) => Ok((id, None)),
            (OperationKind::Delete, Some(before)) => {
                let rows = self.engine.rows();
                rows.delete(tx, &self.who.organization, self.model, self.key()?)?;
                Ok((id, Some(json(self.model, &before))))
            }
            (_, None) => {
                let message = format!("`{}/{id}` does not exist", self.model.key);
                Err(ApiError::new("entity_not_found", message).into())
            }
            (_, Some(_)) => self.update(tx).map(|row| (id, Some(row))),
        }
    }

    /// Rejects timestamps that a `date` column would truncate.
    fn check_dates(&self) -> Result<(), ApiError> {
        for (at, cell) in
            self.change.cells.iter().filter(|_| self.change.kind != OperationKind::Archive(true))
        {
            let column = &self.model.columns[*at];
            let is_day = match &column.mapping {
                ColumnMapping::LocalTimestamp(actual) => actual == "date",
                _ => false,
            };
            if is_day && cell.text().is_some_and(|text| !text.ends_with(MIDNIGHT)) {
                let path = format!("{}.{}", self.model.key, column.member);
                let message =
                    format!("`{}` stores a date: the time must be midnight UTC", column.member);
                return Err(ApiError::new("check_violation", message).param(path));
            }
        }
        Ok(())
    }

    /// Returns the id of the row as a value of its column.
    fn key(&self) -> Result<Cell> {
        let id = self.model.columns.first().and_then(|column| id_cell(column, &self.change.id));
        Ok(id.ok_or_else(|| {
            let message = format!("`{}` has no row with this id", self.model.key);
            ApiError::new("entity_not_found", message)
        })?)
    }

    fn create(&self, tx: &mut Tx<'_>) -> Result<(String, Option<String>)> {
        let mut cells = Vec::new();
        for (at, column) in self.model.columns.iter().enumerate() {
            if column.mapping == ColumnMapping::Missing {
                continue;
            }
            if let Some(cell) = self.new_value(at, column)? {
                cells.push((at, cell));
            }
        }
        let id = id_text(self.engine.rows().insert_some(tx, self.model, cells)?.as_ref());
        let row = self.read_back(tx, &id)?;
        Ok((id, Some(row)))
    }

    /// Returns a column's value in a new row, or `None` to use the database's default.
    fn new_value(&self, at: usize, column: &Column) -> Result<Option<Cell>> {
        let given = self
            .change
            .cells
            .iter()
            .find(|(column, _)| *column == at)
            .map(|(_, cell)| cell.clone());
        if let Some(cell) = given.filter(|_| column.role == ColumnRole::Declared) {
            return Ok(Some(cell));
        }
        Ok(match self.model.new_value(at) {
            // The database assigns sequence numbers.
            NewValue::Id
                if self.change.generated_id
                    && matches!(column.mapping, ColumnMapping::AsText(_)) =>
            {
                None
            }
            NewValue::Id => match id_cell(column, &self.change.id) {
                Some(id) => Some(id),
                None => {
                    let path = format!("{}.id", self.model.key);
                    let message =
                        format!("`{}` is not a valid id of `{}`", self.change.id, self.model.key);
                    return Err(ApiError::new("check_violation", message).param(path).into());
                }
            },
            NewValue::Organization => optional_id(column, &self.who.organization),
            NewValue::Participant => optional_id(column, &self.who.participant),
            NewValue::Now => Some(self.now.into()),
            NewValue::Default(cell) => Some(cell.clone()),
            NewValue::Absent => None,
        })
    }

    fn update(&self, tx: &mut Tx<'_>) -> Result<String> {
        let mut cells = Vec::with_capacity(self.change.cells.len() + 1);
        for (at, cell) in &self.change.cells {
            let archived = self.change.kind == OperationKind::Archive(true);
            cells.push((*at, if archived { self.now.into() } else { cell.clone() }));
        }
        let updated_at = self.model.column_with_role(ColumnRole::UpdatedAt);
        if let Some(at) =
            updated_at.filter(|at| self.model.columns[*at].mapping != ColumnMapping::Missing)
        {
            cells.push((at, self.now.into()));
        }
        let rows = self.engine.rows();
        rows.update(tx, &self.who.organization, self.model, self.key()?, &cells)?;
        self.read_back(tx, &self.change.id)
    }

    /// Reads the written row back and checks that it belongs to the organisation.
    fn read_back(&self, tx: &mut Tx<'_>, id: &str) -> Result<String> {
        let row = current(self.engine, tx, self.who, self.model, id)?.ok_or_else(|| {
            let message = format!("`{}/{id}` would belong to another organisation", self.model.key);
            ApiError::new("organization_mismatch", message)
        })?;
        if row::id(&row).is_empty() {
            return Err(StoreError::Fault(format!("a row of {} has no id", self.model.key)).into());
        }
        Ok(json(self.model, &row))
    }
}

/// Converts an id to its column's value, or `None` if it is empty or does not fit. A participant's
/// id need not be a UUID.
fn optional_id(column: &Column, text: &str) -> Option<Cell> {
    if text.is_empty() { None } else { id_cell(column, text) }
}

/// Returns an id as text.
pub(super) fn id_text(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text.clone(),
        Some(Cell::Integer(number)) => number.to_string(),
        _ => String::new(),
    }
}
