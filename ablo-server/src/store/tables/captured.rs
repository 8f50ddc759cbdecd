//! Changes of rows by other programs, which the triggers of [`capture`] record.
//!
//! [`capture`]: crate::store::capture

use crate::error::StoreError;
use crate::store::{ListTemplate, Record, SqlTemplate, Tx};
use std::collections::BTreeSet;

/// A change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Captured {
    /// Ascending in the order of the changes of a row.
    pub(crate) number: u64,
    /// The key of the model.
    pub(crate) model: String,
    /// The row.
    pub(crate) row: String,
    /// The row before the change, by column, as JSON; `None` if it was created.
    pub(crate) old: Option<String>,
}

static ORGANIZATIONS: SqlTemplate = SqlTemplate::new(
    "SELECT DISTINCT organization_id FROM (SELECT organization_id FROM ablo_captured ORDER BY \
     number LIMIT {1}) AS oldest",
);
static TAKE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_captured WHERE number IN (SELECT number FROM ablo_captured WHERE \
     organization_id = {1} ORDER BY number LIMIT {2}) RETURNING number, model, row_id, \
     {old_row:json}",
);
static TAKE_ROWS: ListTemplate = ListTemplate::new(
    "DELETE FROM ablo_captured WHERE organization_id = {1} AND model = {2} AND row_id {3:in} \
     RETURNING number, model, row_id, {old_row:json}",
);
static UNOWNED: SqlTemplate = SqlTemplate::new(
    "SELECT number, model, row_id, {old_row:json} FROM ablo_captured WHERE organization_id IS NULL \
     ORDER BY number LIMIT {1}",
);
static DELETE: SqlTemplate = SqlTemplate::new("DELETE FROM ablo_captured WHERE number = {1}");

/// Returns the organisations of the oldest changes; `None` for those whose organisation is not
/// known.
pub(crate) fn organizations(
    tx: &mut Tx<'_>,
    limit: u64,
) -> Result<BTreeSet<Option<String>>, StoreError> {
    let found = tx.all(&ORGANIZATIONS, &[limit.into()], |mut record| {
        record.optional_text("organization_id")
    })?;
    Ok(found.into_iter().collect())
}

/// Deletes the oldest changes of an organisation and returns them in their order.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    organization: &str,
    limit: u64,
) -> Result<Vec<Captured>, StoreError> {
    in_order(tx.all(&TAKE, &[organization.into(), limit.into()], captured)?)
}

/// Deletes the changes of some rows of a model and returns them in their order.
pub(crate) fn take_rows(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    rows: &[&str],
) -> Result<Vec<Captured>, StoreError> {
    let (statement, rows) = TAKE_ROWS.of(rows);
    in_order(tx.all(statement, &[organization.into(), model.into(), rows], captured)?)
}

/// Returns the oldest changes whose organisation is not known, in their order.
pub(crate) fn unowned(tx: &mut Tx<'_>, limit: u64) -> Result<Vec<Captured>, StoreError> {
    tx.all(&UNOWNED, &[limit.into()], captured)
}

/// Deletes changes by their numbers.
pub(crate) fn delete(tx: &mut Tx<'_>, numbers: &[u64]) -> Result<(), StoreError> {
    numbers.iter().try_for_each(|number| tx.run_later(&DELETE, &[(*number).into()]))
}

fn in_order(mut changes: Vec<Captured>) -> Result<Vec<Captured>, StoreError> {
    changes.sort_by_key(|change| change.number);
    Ok(changes)
}

fn captured(mut record: Record) -> Result<Captured, StoreError> {
    Ok(Captured {
        number: record.number("number")?,
        model: record.text("model")?,
        row: record.text("row_id")?,
        old: record.optional_text("old_row")?,
    })
}
