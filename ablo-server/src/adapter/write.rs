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
use crate::store::{Dialect, Row, SqlTemplate, Tx};
use crate::value::{Cell, ValueKind, stored_date};
use ablo_wire::{SourceCommit, SourceVerb};

static INSERT_KEY: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_idempotency (client_tx_id, response, created_at) \
     VALUES ({1}, '[]', {2:date}) ON CONFLICT (client_tx_id) DO NOTHING",
);
static STORED_RESPONSE: SqlTemplate =
    SqlTemplate::new("SELECT {response:json} FROM ablo_idempotency WHERE client_tx_id = {1}");
static STORE_RESPONSE: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_idempotency SET response = {2:json} WHERE client_tx_id = {1}");
static APPEND_EVENT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_outbox (id, model, entity_id, type, data, organization_id, client_tx_id, \
     occurred_at, created_at) VALUES ({1}, {2}, {3}, {4}, {5:json}, {6}, {7}, {8}, {9:date})",
);
static LAST_CURSOR: SqlTemplate =
    SqlTemplate::new("SELECT coalesce(max(cursor), 0) FROM ablo_outbox");
/// Deletes events that the triggers captured in this transaction: SQLite, PostgreSQL.
const DELETE_CAPTURED_SQLITE: &str = "DELETE FROM ablo_outbox WHERE model = ?1 AND entity_id = ?2 \
     AND client_tx_id IS NULL AND cursor > ?3";
const DELETE_CAPTURED_POSTGRES: &str = "DELETE FROM ablo_outbox WHERE model = $1 AND entity_id = \
     $2 AND client_tx_id IS NULL AND written_in = pg_current_xact_id() AND $3::bigint IS NOT NULL";

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
    let (dialect, key) = (tx.dialect(), commit.key(who));
    let now = stored_date(tx.now());
    if tx.execute(INSERT_KEY.sql(dialect), &[key.as_str().into(), now.as_str().into()])? == 0 {
        let found = tx.query(STORED_RESPONSE.sql(dialect), &[key.into()])?;
        return Ok(found
            .into_iter()
            .flatten()
            .next()
            .and_then(Cell::into_text)
            .unwrap_or_else(|| "[]".to_owned()));
    }
    let last_cursor = tx
        .query(LAST_CURSOR.sql(dialect), &[])?
        .into_iter()
        .flatten()
        .next()
        .unwrap_or(Cell::Integer(0));
    let mut rows = Vec::with_capacity(commit.changes.len());
    for (at, change) in commit.changes.iter().enumerate() {
        let model = engine.models.get(change.model);
        let write = Write { engine, who, change, model, now: &now };
        let (id, row) =
            write.apply(tx).map_err(|error| violation::describe(model, &change.id, error))?;
        let delete = match dialect {
            Dialect::Sqlite => DELETE_CAPTURED_SQLITE,
            Dialect::Postgres => DELETE_CAPTURED_POSTGRES,
        };
        tx.execute(delete, &[model.key.as_str().into(), id.as_str().into(), last_cursor.clone()])?;
        let data = row.as_ref().filter(|_| change.kind != OperationKind::Delete).cloned();
        let values = [
            format!("{key}:{at}").into(),
            model.key.as_str().into(),
            id.into(),
            SourceVerb::from(&change.kind.verb()).as_str().into(),
            data.into(),
            who.organization.as_str().into(),
            commit.client_tx_id.as_str().into(),
            tx.now().as_millisecond().into(),
            now.as_str().into(),
        ];
        tx.execute(APPEND_EVENT.sql(dialect), &values)?;
        rows.extend(row);
    }
    let rows = format!("[{}]", rows.join(","));
    tx.execute(STORE_RESPONSE.sql(dialect), &[key.into(), rows.as_str().into()])?;
    Ok(rows)
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
    let values = [who.organization.as_str().into(), id];
    Ok(tx.query(&engine.rows().tables.get(model.id).by_id, &values)?.into_iter().next())
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
                tx.execute(
                    &self.engine.rows().tables.get(self.model.id).delete,
                    &self.key_values(&id)?,
                )?;
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

    /// Returns the values that identify a row: organisation and id.
    fn key_values(&self, id: &str) -> Result<[Cell; 2]> {
        let id = self.model.columns.first().and_then(|column| id_cell(column, id));
        let id = id.ok_or_else(|| {
            let message = format!("`{}` has no row with this id", self.model.key);
            ApiError::new("entity_not_found", message)
        })?;
        Ok([self.who.organization.as_str().into(), id])
    }

    fn create(&self, tx: &mut Tx<'_>) -> Result<(String, Option<String>)> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (at, column) in self.model.columns.iter().enumerate() {
            if column.mapping == ColumnMapping::Missing {
                continue;
            }
            if let Some(cell) = self.new_value(at, column)? {
                columns.push(at);
                values.push(cell);
            }
        }
        let inserted = tx.query(
            &self.engine.rows().tables.get(self.model.id).insert_some(self.model, &columns),
            &values,
        )?;
        let id = id_text(inserted.first().and_then(|row| row.first()));
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
        let mut columns = Vec::with_capacity(self.change.cells.len() + 1);
        let mut values = Vec::from(self.key_values(&self.change.id)?);
        for (at, cell) in &self.change.cells {
            columns.push(*at);
            let archived = self.change.kind == OperationKind::Archive(true);
            values.push(if archived { self.now.into() } else { cell.clone() });
        }
        let updated_at = self.model.column_with_role(ColumnRole::UpdatedAt);
        if let Some(at) =
            updated_at.filter(|at| self.model.columns[*at].mapping != ColumnMapping::Missing)
        {
            columns.push(at);
            values.push(self.now.into());
        }
        if !columns.is_empty() {
            tx.query(
                &self.engine.rows().tables.get(self.model.id).update(self.model, &columns),
                &values,
            )?;
        }
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
