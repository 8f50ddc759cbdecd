//! Runs a migration and writes its ledger entry in the transaction that [`Session::lock`] began.
//!
//! If the process dies, SQLite rolls the transaction back.

use super::is_busy;
use crate::codes::applying::BUSY;
use crate::codes::{Code, STATEMENT_FAILED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Record, TABLE};
#[cfg(doc)]
use crate::session::Session;
use crate::session::{Applied, Timeouts};
use rusqlite::{Connection, params};

const LEDGER: &str = "(id INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, from_hash TEXT, \
    to_hash TEXT NOT NULL, record TEXT NOT NULL) STRICT";

/// The prefix of the codes that a migration raises.
const CODE_PREFIX: &str = "ablo::migrate::";

pub(super) fn apply(
    connection: &Connection,
    record: &Record,
    timeouts: Timeouts,
) -> Result<Applied> {
    // Readers of the file can delay the commit.
    connection.busy_timeout(timeouts.table_lock.saturating_mul(timeouts.attempts))?;
    let total = record.statements.len();
    for (at, statement) in record.statements.iter().enumerate() {
        let what = || format!("statement {} of {total} of the transaction", at + 1);
        connection.execute_batch(&statement.sql).map_err(|error| failed(&what(), &error))?;
    }
    let own = |error: rusqlite::Error| {
        failed(&format!("writing `{TABLE}` at the end of the transaction"), &error)
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
    connection.execute_batch("COMMIT").map_err(|error| failed("the commit", &error))?;
    Ok(Applied { transaction: total, after_commit: 0 })
}

fn failed(what: &str, error: &rusqlite::Error) -> Error {
    if is_busy(error) {
        let message = format!("{what} waited for other connections to the file: {error}");
        return Finding::new(BUSY, message).into();
    }
    let message = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let (code, message) = raised_code(&message).unwrap_or((STATEMENT_FAILED, message));
    Finding::new(code, format!("{what} failed: {message}")).into()
}

/// Returns the code and message that the migration itself raised. Migrations raise them as invalid
/// JSON paths, which SQLite quotes in its message.
pub(super) fn raised_code(message: &str) -> Option<(Code, String)> {
    let raised = &message[message.find(CODE_PREFIX)?..];
    let is_of_code = |c: char| c.is_ascii_lowercase() || c == '_';
    let end = raised[CODE_PREFIX.len()..]
        .find(|c| !is_of_code(c))
        .map_or(raised.len(), |at| CODE_PREFIX.len() + at);
    let (code, rest) = raised.split_at(end);
    let rest = rest.trim_start_matches(':').trim_start();
    Some((Code::find(code)?, rest.strip_suffix('\'').unwrap_or(rest).replace("''", "'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raised_codes_are_found_in_messages_of_sqlite() {
        let (code, message) =
            raised_code("bad JSON path: 'ablo::migrate::value_unfit: it''s of the id 1'")
                .expect("a code");
        assert_eq!(
            (code.name, message.as_str()),
            ("ablo::migrate::value_unfit", "it's of the id 1")
        );
        assert!(raised_code("bad JSON path: 'ablo::migrate::nothing_known: x'").is_none());
        assert!(raised_code("no such table: a").is_none());
    }
}
