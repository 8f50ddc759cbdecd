//! Migrations of a PostgreSQL database.
//!
//! A migration compares the table definitions of two schemas and emits typed statements. The
//! `ablo_schema::diff` of the schemas says which tables and columns correspond. The result always
//! has the next schema's definitions. The order is
//!
//! 1. drop what depends on changing columns (keys, policies, checks, indexes), then tables and
//!    columns without a successor;
//! 2. rename; create tables and columns; change types, converting each value;
//! 3. fill in values, then add rules: checks, keys, policies;
//! 4. after the commit: validation, `NOT NULL` and concurrent indexes, which would block others
//!    inside the transaction.

mod all_rows;
mod batches;
mod casts;
mod change;
mod drops;
mod effects;
mod file;
mod guard;
mod losses;
mod pairing;
mod renames;
mod retained;
mod rules;
mod script;
mod tables;
mod touched;
mod values;
mod write;

use super::table_defs::ResolvedOptions;
use super::{OptionError, PostgresOptions};
use crate::migrate::{Existing, Migration};
use crate::shape::Layout;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
pub use file::files;
use pairing::{Pairing, Side};
use retained::Retained;
use tables::Lowering;
pub use touched::{Change, Touched};

/// Returns the statements that migrate a database from `prev`, or from an empty database, to
/// `next`.
///
/// # Errors
/// Returns an error if the options contradict each other or the schema name is invalid.
pub fn migrate(
    diff: &Diff<'_>,
    prev: Option<&Schema>,
    next: &Schema,
    backfills: &Backfills,
    options: &PostgresOptions,
) -> Result<Migration, OptionError> {
    let tables = Existing { layout: Layout::CURRENT, foreign_keys: options.foreign_keys };
    migrate_from(tables, diff, prev, next, backfills, options)
}

/// Returns the statements that migrate a database whose tables have another layout.
///
/// # Errors
/// As [`migrate`].
pub fn migrate_from(
    existing: Existing,
    diff: &Diff<'_>,
    prev: Option<&Schema>,
    next: &Schema,
    backfills: &Backfills,
    options: &PostgresOptions,
) -> Result<Migration, OptionError> {
    let plan = options.resolve()?;
    let Existing { layout, foreign_keys } = existing;
    let was = ResolvedOptions { layout, foreign_keys, ..options.resolve()? };
    let (from, to) = (Side::new(prev, &was), Side::new(Some(next), &plan));
    let pairing = Pairing::new(&from, &to, diff);
    let retained = Retained::all(&from, &to, &pairing);
    let lowering = Lowering {
        plan: &plan,
        from: &from,
        to: &to,
        pairing: &pairing,
        retained,
        diff,
        backfills,
    };
    Ok(lowering.migration(prev.is_none()))
}

/// Returns what a migration drops or gives another type, as far as other objects may depend on it.
///
/// # Errors
/// As [`migrate`].
pub fn touched(
    existing: Existing,
    diff: &Diff<'_>,
    options: &PostgresOptions,
) -> Result<Vec<Touched>, OptionError> {
    let plan = options.resolve()?;
    let Existing { layout, foreign_keys } = existing;
    let was = ResolvedOptions { layout, foreign_keys, ..options.resolve()? };
    let (from, to) = (Side::new(diff.prev(), &was), Side::new(Some(diff.next()), &plan));
    let pairing = Pairing::new(&from, &to, diff);
    let retained = Retained::all(&from, &to, &pairing);
    Ok(touched::all(&from, &pairing, &retained))
}
