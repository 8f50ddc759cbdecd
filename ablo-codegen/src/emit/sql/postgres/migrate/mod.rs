//! Migrations of a PostgreSQL database.
//!
//! The catalogues of two schemas come in, with what `ablo_schema::diff` says of them; typed statements go out. What is to be
//! decides: whatever the way, the second catalogue is what results. The order is
//!
//! 1. what hangs on changing columns goes (keys, policies, checks, indexes), then tables and columns that have no successor;
//! 2. names change; tables and columns are made; types change, each value converted;
//! 3. rows get values, then rules: checks, keys, policies;
//! 4. after the commit: validation, `NOT NULL`, indexes, which would hold others up inside a transaction.

mod casts;
mod change;
mod file;
mod guard;
mod pairing;
mod renames;
mod retained;
mod script;
mod tables;
mod values;
mod write;

use super::{OptionError, PostgresOptions};
use crate::migrate::Migration;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
pub use file::files;
use pairing::{Pairing, Side};
use retained::Retained;
use tables::Lowering;

/// The statements that lead a database from one schema to the next; from nothing, where there is no `prev`.
///
/// # Errors
/// When the options contradict each other or name no possible schema.
pub fn migrate(
    diff: &Diff<'_>,
    prev: Option<&Schema>,
    next: &Schema,
    backfills: &Backfills,
    options: &PostgresOptions,
) -> Result<Migration, OptionError> {
    let plan = options.resolve()?;
    let (from, to) = (Side::new(prev, &plan), Side::new(Some(next), &plan));
    let pairing = Pairing::new(&from, &to, diff);
    let kept = Retained::all(&from, &to, &pairing);
    let lowering =
        Lowering { plan: &plan, from: &from, to: &to, pairing: &pairing, kept, diff, backfills };
    Ok(lowering.migration(prev.is_none()))
}
