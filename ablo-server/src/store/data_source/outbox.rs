//! The outbox: one event per change of a row, read in an order in which no event is skipped.
//!
//! PostgreSQL assigns a row's sequence number before its transaction commits, so a reader ordered
//! by that number alone would skip rows that commit late. Events are therefore ordered by
//! transaction id, and only those older than every running transaction are returned. A
//! long-running write transaction in any database of the server delays events for as long.

use crate::error::StoreError;
use crate::store::{Dialect, SqlTemplate, Tx};
use crate::value::Cell;

/// A position in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The transaction that wrote the event; 0 in SQLite.
    pub(crate) transaction: u64,
    /// The event's sequence number.
    pub(crate) number: u64,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) cursor: Cursor,
    pub(crate) id: String,
    /// The key of the model.
    pub(crate) model: String,
    /// The row.
    pub(crate) row: String,
    /// The verb, as frames spell it.
    pub(crate) verb: String,
    pub(crate) organization: Option<String>,
    /// The commit, if the adapter wrote the row.
    pub(crate) client_tx_id: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) occurred_at: Option<u64>,
}

/// An event that the adapter appends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEvent<'e> {
    pub(crate) id: &'e str,
    pub(crate) model: &'e str,
    pub(crate) row: &'e str,
    pub(crate) verb: &'e str,
    /// The row after the change, as JSON.
    pub(crate) data: Option<&'e str>,
    pub(crate) organization: &'e str,
    pub(crate) client_tx_id: &'e str,
    /// In the stored date format.
    pub(crate) now: &'e str,
}

static APPEND: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_outbox (id, model, entity_id, type, data, organization_id, client_tx_id, \
     occurred_at, created_at) VALUES ({1}, {2}, {3}, {4}, {5:json}, {6}, {7}, {8}, {9:date})",
);
static LAST_NUMBER: SqlTemplate =
    SqlTemplate::new("SELECT coalesce(max(cursor), 0) AS number FROM ablo_outbox");
static DELETE_CAPTURED_SQLITE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_outbox WHERE model = {1} AND entity_id = {2} AND client_tx_id IS NULL AND \
     cursor > {3}",
);
static DELETE_CAPTURED_POSTGRES: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_outbox WHERE model = {1} AND entity_id = {2} AND client_tx_id IS NULL AND \
     written_in = pg_current_xact_id() AND {3}::bigint IS NOT NULL",
);
static PAGE_POSTGRES: SqlTemplate = SqlTemplate::new(
    "SELECT written_in::text AS written_in, cursor, id, model, entity_id, type, organization_id, \
     client_tx_id, occurred_at FROM ablo_outbox WHERE written_in < \
     pg_snapshot_xmin(pg_current_snapshot()) AND (written_in, cursor) > ({1}::text::xid8, {2}) AND \
     ({3}::text IS NULL OR coalesce(organization_id, {3}) = {3}) ORDER BY ablo_outbox.written_in, \
     cursor LIMIT {4}",
);
static PAGE_SQLITE: SqlTemplate = SqlTemplate::new(
    "SELECT '0' AS written_in, cursor, id, model, entity_id, type, organization_id, client_tx_id, \
     occurred_at FROM ablo_outbox WHERE '0' = {1} AND cursor > {2} AND ({3} IS NULL OR \
     coalesce(organization_id, {3}) = {3}) ORDER BY cursor LIMIT {4}",
);
/// Tables with row security show rows only to their organisation.
static SET_ORGANIZATION: SqlTemplate =
    SqlTemplate::new("SELECT set_config('app.current_org_id', {1}, true) AS organization");

/// Returns at most `limit` events after a cursor, of one organisation or of all.
pub(crate) fn page(
    tx: &mut Tx<'_>,
    only: Option<&str>,
    after: Cursor,
    limit: u64,
) -> Result<Vec<Event>, StoreError> {
    let page = match tx.dialect() {
        Dialect::Postgres => &PAGE_POSTGRES,
        Dialect::Sqlite => &PAGE_SQLITE,
    };
    let transaction = after.transaction.to_string();
    let values = [transaction.into(), after.number.into(), only.into(), limit.into()];
    tx.all(page, &values, |mut record| {
        let transaction = record.text("written_in")?;
        let transaction = transaction.parse().map_err(|error| {
            StoreError::Fault(format!("invalid transaction id `{transaction}`: {error}"))
        })?;
        Ok(Event {
            cursor: Cursor { transaction, number: record.number("cursor")? },
            id: record.text("id")?,
            model: record.text("model")?,
            row: record.text("entity_id")?,
            verb: record.text("type")?,
            organization: record.optional_text("organization_id")?,
            client_tx_id: record.optional_text("client_tx_id")?,
            occurred_at: record.optional_number("occurred_at")?,
        })
    })
}

/// Returns the sequence number of the last event.
pub(crate) fn last_number(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    let last = tx.first(&LAST_NUMBER, &[], |mut record| record.number("number"))?;
    Ok(last.unwrap_or_default())
}

/// Appends an event in place of those that the triggers captured in this transaction for the same
/// row. `before` is the last sequence number before the transaction wrote.
pub(crate) fn append(tx: &mut Tx<'_>, before: u64, event: NewEvent<'_>) -> Result<(), StoreError> {
    let delete = match tx.dialect() {
        Dialect::Postgres => &DELETE_CAPTURED_POSTGRES,
        Dialect::Sqlite => &DELETE_CAPTURED_SQLITE,
    };
    tx.run(delete, &[event.model.into(), event.row.into(), before.into()])?;
    let values = [
        event.id.into(),
        event.model.into(),
        event.row.into(),
        event.verb.into(),
        event.data.into(),
        event.organization.into(),
        event.client_tx_id.into(),
        Cell::Integer(tx.now().as_millisecond()),
        event.now.into(),
    ];
    tx.run(&APPEND, &values).map(drop)
}

/// Makes the rows of an organisation visible to the statements that follow.
pub(crate) fn set_organization(tx: &mut Tx<'_>, organization: &str) -> Result<(), StoreError> {
    match tx.dialect() {
        Dialect::Postgres => tx.first(&SET_ORGANIZATION, &[organization.into()], Ok).map(drop),
        Dialect::Sqlite => Ok(()),
    }
}
