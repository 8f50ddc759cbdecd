//! Compares the locks that statements take with the locks that they declare.

use crate::postgres::Session;
use ablo_codegen::migrate::{LockMode, Statement};
use std::collections::BTreeMap;

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

/// The strongest declared lock of each table that existed before the transaction, by OID.
#[derive(Debug)]
pub(super) struct LockWatch(BTreeMap<String, Option<LockMode>>);

impl LockWatch {
    /// Starts watching in a transaction that has not taken a lock yet.
    pub(super) fn new(session: &mut Session) -> Self {
        let tables = session.texts(
            "SELECT oid::text FROM pg_class \
                 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        );
        Self(tables.into_iter().map(|table| (table, None)).collect())
    }

    /// Records the declared locks of a statement. Must be called before it runs, because it can
    /// rename tables.
    pub(super) fn declare(&mut self, session: &mut Session, statement: &Statement) {
        for lock in &statement.locks {
            let name = lock.table.replace('\'', "''");
            let found = session.texts(&format!(
                "SELECT oid::text FROM pg_class WHERE relname = '{name}' AND relkind = 'r' \
                 AND relnamespace = 'public'::regnamespace"
            ));
            for oid in found {
                let Some(known) = self.0.get_mut(&oid) else { continue };
                *known = (*known).max(Some(lock.mode));
            }
        }
    }

    /// Compares the declared locks with those that the transaction holds.
    pub(super) fn check(&self, session: &mut Session) -> Result<(), String> {
        let held = session.texts(
            "SELECT relation::text || ' ' || mode FROM pg_locks \
             WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted",
        );
        for held in held {
            let Some((oid, mode)) = held.split_once(' ') else { continue };
            let (Some(declared), Some(mode)) =
                (self.0.get(oid), MODES.iter().find(|known| known.as_str() == mode))
            else {
                continue;
            };
            if Some(*mode) > *declared {
                return Err(format!("holds {mode} on table {oid}, declared is {declared:?}"));
            }
        }
        Ok(())
    }
}
