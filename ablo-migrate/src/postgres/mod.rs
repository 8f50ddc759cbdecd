//! PostgreSQL: a session, what the database holds, the ledger and the lock.
//!
//! Everything that is sent to a server on ablo's own account is in this folder; migrations bring their own statements.

mod apply;
mod connect;
#[cfg(unix)]
pub mod scratch;
mod session;
mod warnings;

pub use crate::session::{Applied, Patience};
pub use connect::connect;
pub(crate) use session::lower;

use crate::codes::{LEDGER, LOCKED, REFUSED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Entry, Record, State, TABLE};
use crate::live::Live;
use crate::plan::RowCount;
use postgres::{Client, IsolationLevel, Row};
use std::time::{Duration, Instant};
use warnings::Warnings;

/// How often a lock that somebody else has is asked for.
const POLL: Duration = Duration::from_millis(100);

/// What everything is sent under: names mean what they say, whatever the role or the database was set to.
const SETTINGS: &str = "SET search_path = pg_catalog, pg_temp; SET client_min_messages = warning; \
    SET standard_conforming_strings = on; SET client_encoding = 'UTF8'";

/// For introspection: expressions are printed the same by every server.
const PRINTING: &str = "SET LOCAL quote_all_identifiers = on; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; \
    SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'";

/// A session with a server, about one schema of its database.
pub struct Database {
    pub(crate) client: Client,
    schema: String,
    warnings: Warnings,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// What a server said against a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    /// Its five characters; none when the connection broke.
    state: Option<String>,
    message: String,
}

impl From<postgres::Error> for Refusal {
    fn from(error: postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return Self { state: None, message: error.to_string() };
        };
        let detail = said.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        Self {
            state: Some(said.code().code().to_owned()),
            message: format!("{}{detail}", said.message()),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.state {
            Some(state) => write!(f, "SQLSTATE {state}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Finding::new(REFUSED, Refusal::from(error).to_string()).into()
    }
}

impl Database {
    /// Opens a session about the tables of `schema`.
    ///
    /// # Errors
    /// `ablo::database::url`, `ablo::database::unreachable` and `ablo::database::unsupported`; none repeats the address.
    pub fn connect(address: &str, schema: &str) -> Result<Self> {
        Self::open(address, None, schema)
    }

    /// The same in another database of the server than the address names.
    pub(crate) fn open(address: &str, database: Option<&str>, schema: &str) -> Result<Self> {
        let warnings = Warnings::default();
        let heard = warnings.clone();
        let mut client = connect(address, |config| {
            if config.get_application_name().is_none() {
                config.application_name("ablo migrate");
            }
            if let Some(name) = database {
                config.dbname(name);
            }
            config.notice_callback(move |notice| heard.hear(&notice));
        })?;
        client.batch_execute(SETTINGS)?;
        Ok(Self { client, schema: schema.to_owned(), warnings })
    }

    /// What the server warned of since this was last asked, in order.
    #[must_use]
    pub fn warnings(&mut self) -> Vec<Finding> {
        self.warnings.take()
    }

    /// The schema that holds the tables.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Reads the tables, without those that ablo keeps for itself. Nothing is written.
    ///
    /// # Errors
    /// `ablo::database::refused`.
    pub fn live(&mut self) -> Result<Live> {
        let mut reading = self
            .client
            .build_transaction()
            .read_only(true)
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        reading.batch_execute(PRINTING)?;
        let row = reading.query_opt(include_str!("introspect.sql"), &[&self.schema])?;
        let text: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        let read = text.map(|text| serde_json::from_str(&text)).transpose();
        let mut live: Live =
            read.map_err(|error| Finding::new(REFUSED, error.to_string()))?.unwrap_or_default();
        live.tables.retain(|name, _| {
            name != TABLE && !ablo_codegen::shape::SERVICE_TABLES.iter().any(|own| own.name == name)
        });
        Ok(live)
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// `ablo::database::refused`.
    pub fn rows(&mut self, table: &str) -> Result<RowCount> {
        let name = format!("{}.{}", quoted(&self.schema), quoted(table));
        // Off means: fail rather than leave out the rows that a policy hides.
        self.client.batch_execute("SET row_security = off")?;
        let counted = self.client.query_one(&format!("SELECT count(*) FROM {name}"), &[]);
        self.client.batch_execute("RESET row_security")?;
        let (row, exact) = match counted {
            Ok(row) => (row, true),
            Err(error)
                if error.code() == Some(&postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                let estimate = "SELECT greatest(0, reltuples::bigint, pg_stat_get_live_tuples(oid)) FROM pg_class \
                    WHERE oid = $1::text::regclass";
                (self.client.query_one(estimate, &[&name])?, false)
            }
            Err(error) => return Err(error.into()),
        };
        let count: i64 = row.try_get(0)?;
        Ok(RowCount { count: u64::try_from(count).unwrap_or(0), exact })
    }

    /// How many rows have a value in a column; none where row security hides rows from this role.
    ///
    /// # Errors
    /// `ablo::database::refused`.
    pub fn filled(&mut self, table: &str, column: &str) -> Result<Option<u64>> {
        let sql = format!(
            "SELECT count({}) FROM {}.{}",
            quoted(column),
            quoted(&self.schema),
            quoted(table)
        );
        self.client.batch_execute("SET row_security = off")?;
        let counted = self.client.query_one(&sql, &[]);
        self.client.batch_execute("RESET row_security")?;
        match counted {
            Ok(row) => Ok(u64::try_from(row.try_get::<_, i64>(0)?).ok()),
            Err(error)
                if error.code() == Some(&postgres::error::SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Every migration that was applied, the oldest first; none where there is no ledger.
    ///
    /// # Errors
    /// `ablo::ledger::unreadable` and `ablo::database::refused`.
    pub fn ledger(&mut self) -> Result<Vec<Entry>> {
        if !self.has_ledger()? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id, applied_at::text, record, state, position FROM {} ORDER BY id",
            self.ledger_name()
        );
        self.client.query(&sql, &[])?.iter().map(entry).collect()
    }

    /// Takes the lock that lets one migration run at a time, until the session ends or [`Self::unlock`].
    ///
    /// # Errors
    /// `ablo::database::locked`, with who holds it, when it is not free within `patience`.
    pub fn lock(&mut self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        // Asked for again and again, not waited for: a concurrent index build would wait for the waiting session.
        while !self
            .client
            .query_one(&format!("SELECT pg_try_advisory_lock({KEY})"), &[&self.lock_name()])?
            .try_get(0)?
        {
            if Instant::now() >= deadline {
                return Err(self.holder()?.into());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// `ablo::database::refused`.
    pub fn unlock(&mut self) -> Result<()> {
        self.client.execute(&format!("SELECT pg_advisory_unlock({KEY})"), &[&self.lock_name()])?;
        Ok(())
    }

    fn lock_name(&self) -> String {
        format!("ablo::migrate {}", self.schema)
    }

    fn holder(&mut self) -> Result<Finding> {
        let sql = format!(
            "SELECT format('process %s (%s, %s), since %s', a.pid, usename, coalesce(nullif(application_name, ''), 'unnamed'), backend_start) \
             FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
               AND (classid::bigint << 32 | objid::bigint) = {KEY}"
        );
        let row = self.client.query_opt(&sql, &[&self.lock_name()])?;
        let holder: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        let holder = holder.unwrap_or_else(|| "another session".to_owned());
        Ok(Finding::new(LOCKED, format!("a migration of `{}` is running: {holder}", self.schema)))
    }

    fn has_ledger(&mut self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2)";
        Ok(self.client.query_one(sql, &[&self.schema, &TABLE])?.try_get(0)?)
    }

    fn ledger_name(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(TABLE))
    }
}

/// The number of the advisory lock, from its name.
const KEY: &str = "hashtextextended($1::text, 0)";

const DONE: &str = "done";
const AFTER_COMMIT: &str = "applying after-commit";

fn entry(row: &Row) -> Result<Entry> {
    let id: i64 = row.try_get("id")?;
    let unreadable =
        |reason: String| Finding::new(LEDGER, format!("entry {id} of `{TABLE}`: {reason}"));
    let (record, state, position): (String, String, i32) =
        (row.try_get("record")?, row.try_get("state")?, row.try_get("position")?);
    let record: Record =
        serde_json::from_str(&record).map_err(|error| unreadable(error.to_string()))?;
    let state = match (state.as_str(), usize::try_from(position)) {
        (DONE, _) => State::Done,
        (AFTER_COMMIT, Ok(position)) => State::AfterCommit(position),
        _ => return Err(unreadable(format!("there is no state `{state}`, {position}")).into()),
    };
    Ok(Entry { id, applied_at: row.try_get("applied_at")?, record, state })
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
