//! Commits: the ledger, the rows and the outbox in one transaction.
//!
//! The ledger comes first: whoever brings a commit again waits there for the first one, and is answered as it was.

use crate::engine::Engine;
use crate::engine::plan::{OperationKind, PlannedChange, plan};
use crate::engine::table::{self, json};
use crate::engine::violation;
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::models::{Column, ColumnDefault, ColumnMapping, ColumnRole, Model};
use crate::store::{Dialect, Row, SqlTemplate, Tx};
use crate::value::{Cell, ValueKind, stored_date};
use ablo_schema::schema::AutoFillSource;
use ablo_wire::{SourceCommit, SourceVerb};

static CLAIM: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_idempotency (client_tx_id, response, created_at) VALUES ({1}, '[]', {2:date}) \
     ON CONFLICT (client_tx_id) DO NOTHING",
);
static ANSWERED: SqlTemplate =
    SqlTemplate::new("SELECT {response:json} FROM ablo_idempotency WHERE client_tx_id = {1}");
static ANSWER: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_idempotency SET response = {2:json} WHERE client_tx_id = {1}");
static APPEND: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_outbox (id, model, entity_id, type, data, organization_id, client_tx_id, occurred_at, created_at) \
     VALUES ({1}, {2}, {3}, {4}, {5:json}, {6}, {7}, {8}, {9:date})",
);
static MARK: SqlTemplate = SqlTemplate::new("SELECT coalesce(max(cursor), 0) FROM ablo_outbox");
const CAPTURED: [&str; 2] = [
    "DELETE FROM ablo_outbox WHERE model = ?1 AND entity_id = ?2 AND client_tx_id IS NULL AND cursor > ?3",
    "DELETE FROM ablo_outbox WHERE model = $1 AND entity_id = $2 AND client_tx_id IS NULL AND written_in = pg_current_xact_id() \
     AND $3::bigint IS NOT NULL",
];

/// How points in time end that are days, as databases hold them.
const MIDNIGHT: &str = "00:00:00.000000Z";

/// A commit, read against the schema.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    client_tx_id: String,
    changes: Vec<PlannedChange>,
}

impl Commit {
    /// Reads one.
    pub(super) fn new(
        engine: &Engine,
        who: &Identity,
        asked: SourceCommit,
    ) -> Result<Self, ApiError> {
        let changes = plan(&engine.models, who, &asked.operations)?;
        Ok(Self { client_tx_id: asked.client_tx_id.unwrap_or_default(), changes })
    }

    /// The commit among those of all organisations, as each chooses for itself.
    fn key(&self, who: &Identity) -> String {
        format!("{}/{}", who.organization, self.client_tx_id)
    }
}

/// Applies a commit and gives its rows as a JSON array, or those of the first time.
pub(super) fn commit(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
) -> Result<String> {
    let (dialect, key) = (tx.dialect(), commit.key(who));
    let now = stored_date(tx.now());
    if tx.execute(CLAIM.sql(dialect), &[key.as_str().into(), now.as_str().into()])? == 0 {
        let found = tx.query(ANSWERED.sql(dialect), &[key.into()])?;
        return Ok(found
            .into_iter()
            .flatten()
            .next()
            .and_then(Cell::into_text)
            .unwrap_or_else(|| "[]".to_owned()));
    }
    let mark =
        tx.query(MARK.sql(dialect), &[])?.into_iter().flatten().next().unwrap_or(Cell::Integer(0));
    let mut rows = Vec::with_capacity(commit.changes.len());
    for (at, change) in commit.changes.iter().enumerate() {
        let model = engine.models.get(change.model);
        let write = Write { engine, who, change, model, now: &now };
        let (id, row) =
            write.apply(tx).map_err(|error| violation::describe(model, &change.id, error))?;
        let captured = CAPTURED[usize::from(dialect == Dialect::Postgres)];
        tx.execute(captured, &[model.key.as_str().into(), id.as_str().into(), mark.clone()])?;
        let data = row.as_ref().filter(|_| change.kind != OperationKind::Delete).cloned();
        let values = [
            format!("{key}:{at}").into(),
            model.key.as_str().into(),
            id.into(),
            verb(change.kind).as_str().into(),
            data.into(),
            who.organization.as_str().into(),
            commit.client_tx_id.as_str().into(),
            tx.now().as_millisecond().into(),
            now.as_str().into(),
        ];
        tx.execute(APPEND.sql(dialect), &values)?;
        rows.extend(row);
    }
    let rows = format!("[{}]", rows.join(","));
    tx.execute(ANSWER.sql(dialect), &[key.into(), rows.as_str().into()])?;
    Ok(rows)
}

fn verb(act: OperationKind) -> SourceVerb {
    match act {
        OperationKind::Create => SourceVerb::Create,
        OperationKind::Update => SourceVerb::Update,
        OperationKind::Delete => SourceVerb::Delete,
        OperationKind::Archive(true) => SourceVerb::Archive,
        OperationKind::Archive(false) => SourceVerb::Unarchive,
    }
}

/// A row as it is; none where the id is none that the table could hold.
pub(super) fn current(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    id: &str,
) -> Result<Option<Row>> {
    let Some(id) = model.columns.first().and_then(|column| named(column, id)) else {
        return Ok(None);
    };
    let values = [who.organization.as_str().into(), id];
    Ok(tx.query(&engine.tables.get(model.id).by_id, &values)?.into_iter().next())
}

/// An id as its column takes it.
fn named(column: &Column, id: &str) -> Option<Cell> {
    match (&column.kind, &column.mapping) {
        (ValueKind::Uuid, _) => column.kind.read_text_form(id).ok(),
        // Numbers of the database's own.
        (_, ColumnMapping::AsText(_)) => id.parse::<i64>().ok().map(|_| id.into()),
        _ => Some(id.into()),
    }
}

/// One change on its way into its table.
struct Write<'w> {
    engine: &'w Engine,
    who: &'w Identity,
    change: &'w PlannedChange,
    model: &'w Model,
    now: &'w str,
}

impl Write<'_> {
    /// Applies it; gives the id, and the row after it, or before it where it is gone now.
    fn apply(&self, tx: &mut dyn Tx) -> Result<(String, Option<String>)> {
        self.fits()?;
        let id = self.change.id.clone();
        if self.change.kind == OperationKind::Create {
            return self.create(tx);
        }
        let before = current(self.engine, tx, self.who, self.model, &id)?;
        match (self.change.kind, before) {
            (OperationKind::Delete, None) => Ok((id, None)),
            (OperationKind::Delete, Some(before)) => {
                tx.execute(&self.engine.tables.get(self.model.id).delete, &self.place(&id)?)?;
                Ok((id, Some(json(self.model, &before))))
            }
            (_, None) => {
                let message = format!("there is no {}/{id}", self.model.key);
                Err(ApiError::new("entity_not_found", message).into())
            }
            (_, Some(_)) => self.update(tx).map(|row| (id, Some(row))),
        }
    }

    /// Refuses what a column would cut off: a day has no time.
    fn fits(&self) -> Result<(), ApiError> {
        for (at, cell) in
            self.change.cells.iter().filter(|_| self.change.kind != OperationKind::Archive(true))
        {
            let column = &self.model.columns[*at];
            let is_day = matches!(&column.mapping, ColumnMapping::LocalTimestamp(actual) if actual == "date");
            if is_day && cell.text().is_some_and(|text| !text.ends_with(MIDNIGHT)) {
                let path = format!("{}.{}", self.model.key, column.member);
                let message = format!("`{}` is kept as a day: give midnight in UTC", column.member);
                return Err(ApiError::new("check_violation", message).param(path));
            }
        }
        Ok(())
    }

    /// The values that say which row is meant.
    fn place(&self, id: &str) -> Result<[Cell; 2]> {
        let id = self.model.columns.first().and_then(|column| named(column, id));
        let id = id.ok_or_else(|| {
            ApiError::new("entity_not_found", format!("there is no such {}", self.model.key))
        })?;
        Ok([self.who.organization.as_str().into(), id])
    }

    fn create(&self, tx: &mut dyn Tx) -> Result<(String, Option<String>)> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (at, column) in self.model.columns.iter().enumerate() {
            if column.mapping == ColumnMapping::Missing {
                continue;
            }
            if let Some(cell) = self.given(at, column)? {
                columns.push(at);
                values.push(cell);
            }
        }
        let made = tx.query(
            &self.engine.tables.get(self.model.id).insert_some(self.model, &columns),
            &values,
        )?;
        let id = plain(made.first().and_then(|row| row.first()));
        let row = self.read_back(tx, &id)?;
        Ok((id, Some(row)))
    }

    /// The value of a column in a new row; nothing where the database is to say.
    fn given(&self, at: usize, column: &Column) -> Result<Option<Cell>> {
        let given = self
            .change
            .cells
            .iter()
            .find(|(column, _)| *column == at)
            .map(|(_, cell)| cell.clone());
        let fill =
            self.model.auto_fill.iter().find(|(column, _)| *column == at).map(|(_, from)| *from);
        Ok(match (column.role, given) {
            // Numbers are the database's own to give.
            (ColumnRole::Id, _)
                if self.change.generated_id
                    && matches!(column.mapping, ColumnMapping::AsText(_)) =>
            {
                None
            }
            (ColumnRole::Id, _) => match named(column, &self.change.id) {
                Some(id) => Some(id),
                None => {
                    let path = format!("{}.id", self.model.key);
                    let message = format!("`{}` is no id of a {}", self.change.id, self.model.key);
                    return Err(ApiError::new("check_violation", message).param(path).into());
                }
            },
            (ColumnRole::CreatedAt | ColumnRole::UpdatedAt, _) => Some(self.now.into()),
            (ColumnRole::Organization, _) => fitting(column, &self.who.organization),
            (ColumnRole::CreatedBy, _) => fitting(column, &self.who.participant),
            (ColumnRole::Declared, Some(cell)) => Some(cell),
            (ColumnRole::Declared, None) => match (fill, &column.default) {
                (Some(AutoFillSource::OrganizationId), _) => {
                    fitting(column, &self.who.organization)
                }
                (Some(AutoFillSource::UserId), _) => fitting(column, &self.who.participant),
                (None, Some(ColumnDefault::Now)) => Some(self.now.into()),
                (None, Some(ColumnDefault::Value(cell))) => Some(cell.clone()),
                (None, None) => None,
            },
        })
    }

    fn update(&self, tx: &mut dyn Tx) -> Result<String> {
        let mut columns = Vec::with_capacity(self.change.cells.len() + 1);
        let mut values = Vec::from(self.place(&self.change.id)?);
        for (at, cell) in &self.change.cells {
            columns.push(*at);
            let archived = self.change.kind == OperationKind::Archive(true);
            values.push(if archived { self.now.into() } else { cell.clone() });
        }
        let written = self.model.column_with_role(ColumnRole::UpdatedAt);
        if let Some(at) =
            written.filter(|at| self.model.columns[*at].mapping != ColumnMapping::Missing)
        {
            columns.push(at);
            values.push(self.now.into());
        }
        if !columns.is_empty() {
            tx.execute(
                &self.engine.tables.get(self.model.id).update(self.model, &columns),
                &values,
            )?;
        }
        self.read_back(tx, &self.change.id)
    }

    /// The row as the database says it, which has to be one of the organisation's own.
    fn read_back(&self, tx: &mut dyn Tx, id: &str) -> Result<String> {
        let row = current(self.engine, tx, self.who, self.model, id)?.ok_or_else(|| {
            let message = format!("{}/{id} would belong to another organisation", self.model.key);
            ApiError::new("organization_mismatch", message)
        })?;
        if table::id(&row).is_empty() {
            return Err(StoreError::Fault(format!("a row of {} has no id", self.model.key)).into());
        }
        Ok(json(self.model, &row))
    }
}

/// A text as a column takes it; nothing where it cannot: a participant need not be a UUID.
fn fitting(column: &Column, text: &str) -> Option<Cell> {
    if text.is_empty() { None } else { named(column, text) }
}

/// An id as text.
pub(super) fn plain(cell: Option<&Cell>) -> String {
    match cell {
        Some(Cell::Text(text)) => text.clone(),
        Some(Cell::Integer(number)) => number.to_string(),
        _ => String::new(),
    }
}
