//! The locks that statements take, as the server shows them, against what they declare.

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

/// Tables that were there before the transaction, by their numbers, with the strongest lock that was declared so far.
#[derive(Debug)]
pub(super) struct Watch(BTreeMap<String, Option<LockMode>>);

impl Watch {
    /// Begins to watch, inside a transaction that has taken no lock yet.
    pub(super) fn new(session: &mut Session) -> Self {
        let tables = session
            .texts("SELECT oid::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
        Self(tables.into_iter().map(|table| (table, None)).collect())
    }

    /// Notes what a statement declares; called before it runs, while tables have the names that it uses.
    pub(super) fn declare(&mut self, session: &mut Session, statement: &Statement) {
        for lock in &statement.locks {
            let name = lock.table.replace('\'', "''");
            let found = session.texts(&format!(
                "SELECT oid::text FROM pg_class WHERE relname = '{name}' AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ));
            for oid in found {
                let Some(known) = self.0.get_mut(&oid) else { continue };
                *known = (*known).max(Some(lock.mode));
            }
        }
    }

    /// Compares with what the transaction holds.
    pub(super) fn check(&self, session: &mut Session) -> Result<(), String> {
        let held = session.texts(
            "SELECT relation::text || ' ' || mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted",
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
