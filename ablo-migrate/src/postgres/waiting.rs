//! Waits for locks without blocking others for long, and names the session that holds a lock.

use super::error::ServerError;
use super::quoted;
use crate::session::Timeouts;
use ablo_codegen::migrate::{Lock, LockMode, Statement};
use ablo_wire::Backoff;
use postgres::Client;
use postgres::types::Type;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Delays between attempts, with jitter so that two sessions in a deadlock do not retry in step.
const RETRY: Backoff = Backoff::new(Duration::from_millis(400), Duration::from_millis(12_800));

/// SQLSTATEs worth a retry: lock not available, deadlock, serialisation failure.
const TRANSIENT: [&str; 3] = ["55P03", "40P01", "40001"];

/// How much longer a statement may wait whose request for a lock blocks no reader or writer.
const HARMLESS: u32 = 30;

const MODES: [LockMode; 8] = [
    LockMode::AccessShare,
    LockMode::RowShare,
    LockMode::RowExclusive,
    LockMode::ShareUpdateExclusive,
    LockMode::Share,
    LockMode::ShareRowExclusive,
    LockMode::Exclusive,
    LockMode::AccessExclusive,
];

/// Reports whether an error may not happen again.
pub(super) fn is_transient(error: &ServerError) -> bool {
    error.state.as_deref().is_some_and(|state| TRANSIENT.contains(&state))
}

/// Returns a time as the value of `lock_timeout`, of which 0 would mean no limit.
pub(super) fn millis(time: Duration) -> u128 {
    time.as_millis().max(1)
}

/// Returns how long a statement outside a transaction may wait for its locks.
pub(super) fn patience(statement: &Statement, timeouts: Timeouts) -> Duration {
    let strongest = statement.locks.iter().map(|lock| lock.mode).max();
    match strongest {
        Some(mode) if mode <= LockMode::ShareUpdateExclusive => timeouts.table_lock * HARMLESS,
        _ => timeouts.table_lock,
    }
}

/// The attempts of a statement or a transaction.
pub(super) struct Waits {
    left: u32,
    retry: Backoff,
}

impl Waits {
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self { left: timeouts.attempts, retry: RETRY }
    }

    /// Waits before the next attempt. Returns false if there is none.
    pub(super) fn again(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            std::thread::sleep(self.retry.fail());
        }
        self.left > 0
    }
}

/// The locks of a transaction. All its waits together are as long as one may be, because those who
/// wait for the first table wait until the last lock is there.
pub(super) struct TableLocks {
    left: Duration,
    held: BTreeMap<String, LockMode>,
}

impl TableLocks {
    pub(super) fn new(wait: Duration) -> Self {
        Self { left: wait, held: BTreeMap::new() }
    }

    /// Takes the locks of the next statement.
    pub(super) fn take(
        &mut self,
        client: &mut Client,
        schema: &str,
        statement: &Statement,
    ) -> Result<(), postgres::Error> {
        for Lock { table, mode } in &statement.locks {
            if self.held.get(table).is_some_and(|held| held >= mode) {
                continue;
            }
            self.held.insert(table.clone(), *mode);
            // A statement may name a table that is missing, and warn.
            let kind = super::effects::relation(client, schema, table)?;
            if !matches!(kind.as_deref(), Some("r" | "p")) {
                continue;
            }
            let began = Instant::now();
            client.batch_execute(&format!(
                "SET LOCAL lock_timeout = {}; LOCK TABLE {}.{} IN {} MODE",
                millis(self.left),
                quoted(schema),
                quoted(table),
                keyword(*mode)
            ))?;
            self.left = self.left.saturating_sub(began.elapsed());
        }
        Ok(())
    }
}

/// Returns the name of a lock mode in SQL.
fn keyword(mode: LockMode) -> &'static str {
    match mode {
        LockMode::AccessShare => "ACCESS SHARE",
        LockMode::RowShare => "ROW SHARE",
        LockMode::RowExclusive => "ROW EXCLUSIVE",
        LockMode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
        LockMode::Share => "SHARE",
        LockMode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
        LockMode::Exclusive => "EXCLUSIVE",
        LockMode::AccessExclusive => "ACCESS EXCLUSIVE",
    }
}

/// Returns the modes that conflict with a mode (PostgreSQL manual, 13.3.1).
fn conflicting(mode: LockMode) -> Vec<&'static str> {
    let weakest = match mode {
        LockMode::AccessShare => LockMode::AccessExclusive,
        LockMode::RowShare => LockMode::Exclusive,
        LockMode::RowExclusive => LockMode::Share,
        LockMode::ShareUpdateExclusive => LockMode::ShareUpdateExclusive,
        LockMode::Share | LockMode::ShareRowExclusive => LockMode::RowExclusive,
        LockMode::Exclusive => LockMode::RowShare,
        LockMode::AccessExclusive => LockMode::AccessShare,
    };
    let conflicts = MODES.iter().filter(|other| **other >= weakest);
    let others = conflicts.filter(|other| (mode, **other) != (LockMode::Share, LockMode::Share));
    others.map(|mode| mode.as_str()).collect()
}

/// The oldest session that holds a conflicting lock on one of the tables, else the one with the
/// oldest transaction, for which a concurrent index build waits.
const HOLDER: &str = "
    SELECT format('process %s (%s, %s, %s), whose last query began at %s', a.pid,
      coalesce(a.usename::text, 'unknown role'),
      coalesce(nullif(a.application_name, ''), 'unnamed'), coalesce(a.state, 'unknown state'),
      coalesce(to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
        'an unknown time'))
    FROM pg_catalog.pg_stat_activity a
      LEFT JOIN LATERAL (
        SELECT true AS holds FROM pg_catalog.pg_locks l
          JOIN pg_catalog.pg_class c ON c.oid = l.relation
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE l.pid = a.pid AND l.granted AND n.nspname = $1 AND c.relname = ANY ($2)
          AND l.mode = ANY ($3) LIMIT 1) held ON true
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
      AND (held.holds OR a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
    ORDER BY held.holds NULLS LAST, a.xact_start NULLS LAST LIMIT 1";

/// Describes the session that holds what these locks wait for.
pub(super) fn holder(client: &mut Client, schema: &str, locks: &[Lock]) -> String {
    let tables: Vec<&str> = locks.iter().map(|lock| lock.table.as_str()).collect();
    let strongest = locks.iter().map(|lock| lock.mode).max().unwrap_or(LockMode::AccessExclusive);
    let modes = conflicting(strongest);
    let found = client.query_typed_opt(
        HOLDER,
        &[(&schema, Type::TEXT), (&tables, Type::TEXT_ARRAY), (&modes, Type::TEXT_ARRAY)],
    );
    let found = found.ok().flatten().and_then(|row| row.try_get::<_, String>(0).ok());
    found.map_or_else(
        || "no session holds the lock any more".to_owned(),
        |holder| format!("the lock is held by {holder}"),
    )
}
