//! PostgreSQL: the session, the introspection, the ledger and the migration lock.
//!
//! All queries of ablo's own are in this folder; migrations come with their statements.

mod address;
mod after_commit;
mod alignment;
mod apply;
mod approvers;
mod connect;
mod counts;
mod decisions;
mod dependents;
mod effects;
mod error;
mod partitions;
mod privileges;
#[cfg(unix)]
pub mod scratch;
mod session;
mod settings;
mod tls;
mod waiting;
mod warnings;

pub use crate::session::{Applied, Timeouts};
pub use connect::{Connected, Messages, Target, connect, pinned};
pub(crate) use session::lower;

use crate::catalog::Catalog;
use crate::codes::{ADDRESS_NOTE, LEDGER, LOCKED, NO_SCHEMA, OPTIONS, QUERY_FAILED};
use crate::error::{Finding, Result};
use crate::ledger::{APPROVERS_MARK, Entry, Record, State, TABLE};
pub(crate) use ablo_codegen::emit::sql::quoted;
use connect::pooler;
use postgres::types::Type;
use postgres::{Client, IsolationLevel, Row, Transaction};
use std::time::{Duration, Instant};
use warnings::Warnings;

/// The interval between attempts to get the migration lock.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The beginning of the names of ablo's own functions.
const OWN_PREFIX: &str = "ablo_";

/// Where the names in queries are looked up.
const SEARCH_PATH: &str = "search_path = pg_catalog, pg_temp";

/// A session with a PostgreSQL server, on one schema of a database.
pub struct Database {
    pub(crate) client: Client,
    schema: String,
    warnings: Warnings,
    is_pooled: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Database {
    /// Opens a session on the tables of `schema`.
    ///
    /// # Errors
    /// A code of `ablo::database`. The message never contains the address.
    pub fn connect(address: &str, schema: &str) -> Result<Self> {
        Self::open(address, None, schema)
    }

    /// Opens a session, optionally in another database than the one in the address.
    pub(crate) fn open(address: &str, database: Option<&str>, schema: &str) -> Result<Self> {
        let warnings = Warnings::default();
        let recorder = warnings.clone();
        let Connected { mut client, is_pooled, notes } = connect(address, |config| {
            if config.get_application_name().is_none() {
                config.application_name("ablo migrate");
            }
            if let Some(name) = database {
                config.dbname(name);
            }
            let recorder = recorder.clone();
            config.notice_callback(move |notice| recorder.record(&notice));
        })?;
        // Behind a pooler, the settings would stay for other programs.
        if !is_pooled {
            client.batch_execute(&format!("SET {SEARCH_PATH}; {}", pinned("SESSION")))?;
        }
        warnings.add(notes.into_iter().map(|note| Finding::new(ADDRESS_NOTE, note)));
        let mut opened = Self { client, schema: schema.to_owned(), warnings, is_pooled };
        opened.check_schema()?;
        Ok(opened)
    }

    /// Checks that the schema exists.
    fn check_schema(&mut self) -> Result<()> {
        let schema = self.schema.clone();
        session::options(&schema, true)
            .schema_name()
            .map_err(|error| Finding::new(OPTIONS, error.message))?;
        let exists: bool = self.reading(|reading| {
            let sql = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
            Ok(reading.query_typed_one(sql, &[(&schema, Type::TEXT)])?.try_get(0)?)
        })?;
        if exists {
            return Ok(());
        }
        Err(Finding::new(NO_SCHEMA, format!("the database has no schema `{schema}`")).into())
    }

    /// Runs queries in a read-only transaction, with settings that end with it. The queries have to
    /// be `query_typed`: behind a pooler, a named statement would stay in the session of others.
    pub(crate) fn reading<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut transaction = self
            .client
            .build_transaction()
            .read_only(true)
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()?;
        transaction.batch_execute(&format!("SET LOCAL {SEARCH_PATH}; {}", pinned("LOCAL")))?;
        work(&mut transaction)
    }

    /// Checks that this session is one of the server's own.
    ///
    /// # Errors
    /// `ablo::database::pooler`.
    pub fn require_session(&self) -> Result<()> {
        if self.is_pooled { Err(pooler()) } else { Ok(()) }
    }

    /// Returns and clears the warnings that the server sent, in order.
    #[must_use]
    pub fn warnings(&mut self) -> Vec<Finding> {
        self.warnings.take()
    }

    /// Returns the schema that contains the tables.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Reads the catalog, without ablo's own tables. Writes nothing.
    ///
    /// # Errors
    /// A code of `ablo::database`.
    pub fn catalog(&mut self) -> Result<Catalog> {
        let schema = self.schema.clone();
        let text = self.reading(|reading| {
            reading.batch_execute("SET LOCAL quote_all_identifiers = on")?;
            let query = include_str!("introspect.sql");
            let row = reading.query_typed_opt(query, &[(&schema, Type::TEXT)])?;
            Ok(row.map(|row| row.try_get::<_, String>(0)).transpose()?)
        })?;
        let read = text.map(|text| serde_json::from_str(&text)).transpose();
        let mut catalog: Catalog = read
            .map_err(|error| Finding::new(QUERY_FAILED, format!("introspection: {error}")))?
            .unwrap_or_default();
        catalog.tables.retain(|name, _| {
            name != TABLE && !ablo_codegen::shape::SERVICE_TABLES.iter().any(|own| own.name == name)
        });
        catalog.others.retain(|other| !other.name.starts_with(OWN_PREFIX));
        Ok(catalog)
    }

    /// Returns every applied migration, oldest first. Empty if there is no ledger.
    ///
    /// # Errors
    /// `ablo::ledger::unreadable`, or a code of `ablo::database`.
    pub fn ledger(&mut self) -> Result<Vec<Entry>> {
        let (schema, ledger) = (self.schema.clone(), self.ledger_name());
        self.reading(|reading| {
            if !has_ledger(reading, &schema)? {
                return Ok(Vec::new());
            }
            let sql = format!(
                "SELECT id, applied_at::text, record, state, position, \
                 to_jsonb(own) ->> 'notes' AS notes FROM {ledger} AS own \
                 WHERE record NOT LIKE '{APPROVERS_MARK}%' ORDER BY id"
            );
            reading.query_typed(&sql, &[])?.iter().map(entry).collect()
        })
    }

    /// Takes the migration lock, until the session ends or [`Self::unlock`].
    ///
    /// # Errors
    /// `ablo::database::pooler`, and `ablo::database::locked`, naming the holder, if the lock is
    /// not free within `timeout`.
    pub fn lock(&mut self, timeout: Duration) -> Result<()> {
        // A pooler would lose the lock.
        self.require_session()?;
        let deadline = Instant::now() + timeout;
        // Polled, because a concurrent index build would wait for a session that waits for a lock.
        while !self
            .client
            .query_one(&format!("SELECT pg_try_advisory_lock({KEY})"), &[&self.lock_name()])?
            .try_get(0)?
        {
            if Instant::now() >= deadline {
                return Err(self.holder()?.into());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Releases the migration lock.
    ///
    /// # Errors
    /// A code of `ablo::database`.
    pub fn unlock(&mut self) -> Result<()> {
        self.client.execute(&format!("SELECT pg_advisory_unlock({KEY})"), &[&self.lock_name()])?;
        Ok(())
    }

    fn lock_name(&self) -> String {
        format!("ablo::migrate {}", self.schema)
    }

    fn holder(&mut self) -> Result<Finding> {
        let sql = format!(
            "SELECT format('process %s (%s, %s), since %s', a.pid, usename, \
             coalesce(nullif(application_name, ''), 'unnamed'), backend_start) \
             FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
             WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND (classid::bigint << 32 | objid::bigint) = {KEY}"
        );
        let row = self.client.query_opt(&sql, &[&self.lock_name()])?;
        let holder: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        let holder = holder.unwrap_or_else(|| "another session".to_owned());
        Ok(Finding::new(LOCKED, format!("a migration of `{}` is running: {holder}", self.schema)))
    }

    fn ledger_name(&self) -> String {
        self.name_of(TABLE)
    }
}

fn has_ledger(reading: &mut Transaction<'_>, schema: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n \
        ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2)";
    let names: [(&(dyn postgres::types::ToSql + Sync), Type); 2] =
        [(&schema, Type::TEXT), (&TABLE, Type::TEXT)];
    Ok(reading.query_typed_one(sql, &names)?.try_get(0)?)
}

/// The key of the advisory lock, computed from its name.
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
        _ => return Err(unreadable(format!("unknown state `{state}`, {position}")).into()),
    };
    let notes: Option<String> = row.try_get("notes")?;
    let notes = notes.map(|notes| serde_json::from_str(&notes)).transpose();
    let notes = notes.map_err(|error| unreadable(error.to_string()))?.unwrap_or_default();
    Ok(Entry { id, applied_at: row.try_get("applied_at")?, record, state, notes })
}
