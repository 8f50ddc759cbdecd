//! Running a migration inside the transaction that the lock is, with the entry of the ledger in it.
//!
//! Whatever ends this process, the file is as it was, or all of it was done.

use super::is_busy;
use crate::codes::{BUSY, Code, STATEMENT_FAILED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Record, TABLE};
use crate::session::{Applied, Patience};
use rusqlite::{Connection, params};

const LEDGER: &str = "(id INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, from_hash TEXT, to_hash TEXT NOT NULL, \
    record TEXT NOT NULL) STRICT";

/// How codes begin that a migration gives as its reason.
const REASON: &str = "ablo::migrate::";

pub(super) fn apply(
    connection: &Connection,
    record: &Record,
    patience: Patience,
) -> Result<Applied> {
    // Readers of the file may keep the commit from happening for a while.
    connection.busy_timeout(patience.table.saturating_mul(patience.attempts))?;
    let total = record.statements.len();
    for (at, statement) in record.statements.iter().enumerate() {
        let place = || format!("statement {} of {total} of the transaction", at + 1);
        connection.execute_batch(&statement.sql).map_err(|error| refused(&place(), &error))?;
    }
    let own = |error: rusqlite::Error| {
        refused(&format!("writing `{TABLE}` at the end of the transaction"), &error)
    };
    connection
        .execute_batch(&format!("CREATE TABLE IF NOT EXISTS {TABLE} {LEDGER}"))
        .map_err(own)?;
    let insert = format!(
        "INSERT INTO {TABLE} (applied_at, from_hash, to_hash, record) \
         VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?, ?, ?)"
    );
    let text = serde_json::to_string(record)
        .map_err(|error| Finding::new(STATEMENT_FAILED, error.to_string()))?;
    connection.execute(&insert, params![record.from, record.to, text]).map_err(own)?;
    connection.execute_batch("COMMIT").map_err(|error| refused("the commit", &error))?;
    Ok(Applied { transaction: total, after_commit: 0 })
}

fn refused(place: &str, error: &rusqlite::Error) -> Error {
    if is_busy(error) {
        return Finding::new(BUSY, format!("{place} waited for others who use the file: {error}"))
            .into();
    }
    let said = match error {
        rusqlite::Error::SqliteFailure(_, Some(said)) => said.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let (code, said) = reason(&said).unwrap_or((STATEMENT_FAILED, said));
    Finding::new(code, format!("{place} failed: {said}")).into()
}

/// The code that the migration itself gave as its reason, and what it said with it. SQLite repeats it as a quoted path.
fn reason(said: &str) -> Option<(Code, String)> {
    let given = &said[said.find(REASON)?..];
    let is_of_code = |c: char| c.is_ascii_lowercase() || c == '_';
    let end =
        given[REASON.len()..].find(|c| !is_of_code(c)).map_or(given.len(), |at| REASON.len() + at);
    let (code, rest) = given.split_at(end);
    let rest = rest.trim_start_matches(':').trim_start();
    Some((Code::find(code)?, rest.strip_suffix('\'').unwrap_or(rest).replace("''", "'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_in_what_sqlite_says() {
        let (code, said) =
            reason("bad JSON path: 'ablo::migrate::value_unfit: it''s of the id 1'").expect("one");
        assert_eq!((code.name, said.as_str()), ("ablo::migrate::value_unfit", "it's of the id 1"));
        assert!(reason("bad JSON path: 'ablo::migrate::nothing_known: x'").is_none());
        assert!(reason("no such table: a").is_none());
    }
}
