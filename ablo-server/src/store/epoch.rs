//! Whether the tables of models are still those that a coordinator was started for.
//!
//! Each transaction reads the newest entry of the ledger of migrations. A store that sees another
//! one than before asks its judge, and does no work while the tables belong to another schema.

use crate::error::StoreError;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::watch;

/// The statement that reads the newest entry. It is the same on both databases.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM ablo_migrations";

/// The answer of a judge about the schema of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaVerdict {
    /// The coordinator can serve it.
    Served,
    /// The coordinator cannot serve it. The text has the reason.
    Moved(String),
    /// It could not be read. The text has the reason.
    Unknown(String),
}

/// Reads the schema of the database and compares it with the coordinator's.
pub type SchemaJudge = Box<dyn Fn() -> SchemaVerdict + Send + Sync>;

/// The entry that the tables of a store were last seen at.
pub struct SchemaEpoch {
    judge: OnceLock<SchemaJudge>,
    /// The entry that the judge accepted last.
    served: AtomicI64,
    /// The entry that the judge refused last, and why.
    refused: Mutex<Option<(i64, String)>>,
    moved: watch::Sender<bool>,
}

impl Default for SchemaEpoch {
    fn default() -> Self {
        Self {
            judge: OnceLock::new(),
            // No entry has this id, so the first transaction asks the judge.
            served: AtomicI64::new(i64::MIN),
            refused: Mutex::default(),
            moved: watch::channel(false).0,
        }
    }
}

impl std::fmt::Debug for SchemaEpoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaEpoch").field("served", &self.served).finish_non_exhaustive()
    }
}

impl SchemaEpoch {
    /// Begins to read the ledger in every transaction. Later calls have no effect.
    pub fn watch(&self, judge: SchemaJudge) {
        // The first judge stays.
        let _ = self.judge.set(judge);
    }

    /// Returns whether transactions read the ledger.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.judge.get().is_some()
    }

    /// Returns a receiver that is `true` while the tables belong to another schema.
    #[must_use]
    pub fn moved(&self) -> watch::Receiver<bool> {
        self.moved.subscribe()
    }

    /// Decides whether a transaction that reads this entry may work. Without a ledger there is
    /// none.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn admit(&self, entry: i64) -> Result<(), StoreError> {
        let Some(judge) = self.judge.get() else { return Ok(()) };
        if self.served.load(Ordering::Acquire) == entry {
            return Ok(());
        }
        let mut refused = self.refused();
        match &*refused {
            Some((known, reason)) if *known == entry => {
                return Err(StoreError::SchemaMoved(reason.clone()));
            }
            _ => {}
        }
        match judge() {
            SchemaVerdict::Served => {
                if self.moved.send_replace(false) {
                    tracing::warn!("the database can be served again");
                }
                *refused = None;
                self.served.store(entry, Ordering::Release);
                Ok(())
            }
            SchemaVerdict::Moved(reason) => {
                tracing::error!("the database was migrated: {reason}");
                *refused = Some((entry, reason.clone()));
                self.moved.send_replace(true);
                Err(StoreError::SchemaMoved(reason))
            }
            SchemaVerdict::Unknown(reason) => Err(StoreError::Unavailable(reason)),
        }
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    fn refused(&self) -> MutexGuard<'_, Option<(i64, String)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_judge_is_asked_once_for_each_entry() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (epoch, log) = (SchemaEpoch::default(), Arc::clone(&asked));
        assert_eq!(epoch.admit(7), Ok(()), "not watched");
        let verdicts = [
            SchemaVerdict::Served,
            SchemaVerdict::Moved("renamed".to_owned()),
            SchemaVerdict::Served,
        ];
        epoch.watch(Box::new(move || {
            let mut log = log.lock().expect("no panic");
            log.push(());
            verdicts[log.len() - 1].clone()
        }));
        let moved = Err(StoreError::SchemaMoved("renamed".to_owned()));
        assert_eq!([epoch.admit(1), epoch.admit(1)], [Ok(()), Ok(())]);
        assert_eq!([epoch.admit(2), epoch.admit(2)], [moved.clone(), moved]);
        assert!(*epoch.moved().borrow());
        assert_eq!([epoch.admit(3), epoch.admit(3)], [Ok(()), Ok(())]);
        assert!(!*epoch.moved().borrow());
        assert_eq!(asked.lock().expect("no panic").len(), 3);
    }
}
