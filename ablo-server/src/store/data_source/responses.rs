//! The answers to commits, by the key of the commit: a repeated commit gets the same answer.

use crate::error::StoreError;
use crate::store::{SqlTemplate, Tx};

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_idempotency (client_tx_id, response, created_at) \
     VALUES ({1}, '[]', {2:date}) ON CONFLICT (client_tx_id) DO NOTHING",
);
static FIND: SqlTemplate =
    SqlTemplate::new("SELECT {response:json} FROM ablo_idempotency WHERE client_tx_id = {1}");
static UPDATE: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_idempotency SET response = {2:json} WHERE client_tx_id = {1}");

/// Reserves the key of a commit, or returns the answer that is stored for it.
///
/// A repeated commit waits here for the transaction of the original one.
pub(crate) fn reserve(tx: &mut Tx<'_>, key: &str, now: &str) -> Result<Option<String>, StoreError> {
    if tx.run(&INSERT, &[key.into(), now.into()])? > 0 {
        return Ok(None);
    }
    tx.first(&FIND, &[key.into()], |mut record| record.text("response"))
}

/// Stores the answer, a JSON array of rows.
pub(crate) fn store(tx: &mut Tx<'_>, key: &str, answer: &str) -> Result<(), StoreError> {
    tx.run(&UPDATE, &[key.into(), answer.into()]).map(drop)
}
