//! The start of a process, if the database does not have its schema.

use crate::codes;
use crate::error::{Finding, Result};
use crate::history::{Standing, standing};
use crate::planning::migrate_to;
use crate::session::{Applied, Session, Timeouts};
use ablo_schema::Schema;
use std::time::{Duration, Instant};

/// How often a waiting process looks at the ledger.
const POLL: Duration = Duration::from_millis(250);

/// The action for a database that does not have the schema yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtStart {
    /// Migrate it, if that needs no decision and no approval.
    #[default]
    Migrate,
    /// Wait this long until another process has migrated it.
    Wait(Duration),
    /// Refuse.
    Refuse,
}

/// The state of a database that can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The numbers of statements that ran, if the database was migrated.
    pub applied: Option<Applied>,
    /// Where the schema stands in the history now.
    pub standing: Standing,
}

/// Brings a database to a schema as `at_start` says, and never back to an older one. `waiting` is
/// called once before the process waits.
///
/// # Errors
/// `ablo::migrate::schema_behind`, `ablo::migrate::schema_branched`,
/// `ablo::migrate::schema_unrelated`, `ablo::migrate::schema_ahead`, or the errors of
/// [`migrate_to`].
pub fn start(
    database: &mut dyn Session,
    schema: &Schema,
    foreign_keys: bool,
    (at_start, timeouts): (AtStart, Timeouts),
    waiting: impl FnOnce(),
) -> Result<Started> {
    let until = match at_start {
        AtStart::Migrate => {
            let applied = migrate_to(database, schema, foreign_keys, timeouts)?;
            return Ok(Started { applied, standing: standing(schema, &database.ledger()?)? });
        }
        AtStart::Wait(time) => Instant::now().checked_add(time),
        AtStart::Refuse => None,
    };
    let mut waiting = Some(waiting);
    loop {
        let found = standing(schema, &database.ledger()?)?;
        if let Some(refusal) = found.refusal() {
            return Err(refusal);
        }
        if found.is_served() {
            return Ok(Started { applied: None, standing: found });
        }
        if until.is_none_or(|until| Instant::now() >= until) {
            let message = match found {
                Standing::Unrecorded => "the database has no ledger",
                _ => "the newest schema of the database is an earlier one",
            };
            return Err(Finding::new(codes::SCHEMA_AHEAD, message).into());
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        std::thread::sleep(POLL);
    }
}
