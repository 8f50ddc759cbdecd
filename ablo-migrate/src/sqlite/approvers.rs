//! The list of approvers in a file. A file has no roles, so every program that may write to it can
//! replace the list; the list still cannot be edited.

use super::Database;
use crate::error::Result;
use crate::ledger::{self, APPROVERS_MARK};
use crate::session::StoredApprovers;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The name of the list's table.
pub(super) const TABLE: &str = "ablo_approvers";

pub(super) fn stored(database: &Database) -> Result<StoredApprovers> {
    let connection = &database.connection;
    let mut entries = Vec::new();
    if database.has_table(TABLE)? {
        let mut statement =
            connection.prepare(&format!("SELECT entry FROM {TABLE} ORDER BY id"))?;
        let rows = statement.query_map([], |row| row.get(0))?;
        entries = rows.collect::<rusqlite::Result<_>>()?;
    }
    let mut mark = None;
    if database.has_table(ledger::TABLE)? {
        let sql = format!(
            "SELECT record FROM {} WHERE record LIKE '{APPROVERS_MARK}%' ORDER BY id LIMIT 1",
            ledger::TABLE
        );
        mark = connection.query_row(&sql, [], |row| row.get::<_, String>(0)).optional()?;
    }
    Ok(StoredApprovers {
        entries,
        head: mark.map(|mark| ledger::marked_head(&mark).unwrap_or_default()),
        place: "sqlite".to_owned(),
        is_writable: false,
        now: Timestamp::now(),
    })
}

/// Appends an entry and commits the transaction of the lock.
pub(super) fn append(connection: &Connection, count: usize, entry: &str, mark: &str) -> Result<()> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (id INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT"
    ))?;
    let id = i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .execute(&format!("INSERT INTO {TABLE} (id, entry) VALUES (?, ?)"), params![id, entry])?;
    let ledger = ledger::TABLE;
    connection
        .execute(&format!("DELETE FROM {ledger} WHERE record LIKE '{APPROVERS_MARK}%'"), [])?;
    let insert = format!(
        "INSERT INTO {ledger} (applied_at, to_hash, record) \
         VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), '', ?)"
    );
    connection.execute(&insert, [mark])?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}
