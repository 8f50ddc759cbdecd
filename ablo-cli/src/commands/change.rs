//! The difference between the schemas of a migration.

use crate::finding::{Exit, Failure};
use crate::input;
use ablo_schema::Schema;
use ablo_schema::diff::{self, Backfills, Diff, Hints};
use ablo_schema::front::json;
use std::path::Path;

/// Reads hints and backfills, and passes the diff to `then`.
pub(super) fn with_diff<T>(
    prev: Option<&Schema>,
    next: &Schema,
    hints: Option<&Path>,
    backfills: Option<&Path>,
    then: impl FnOnce(&Diff<'_>, &Backfills) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let hints = hints.map(|path| input::read_document(path, json::read_hints)).transpose()?;
    let read = |path: &Path| input::read_document(path, |text| json::read_backfills(text, next));
    let backfills = backfills.map(read).transpose()?;
    let no_hints = Hints::default();
    let diff = diff::diff(prev, next, hints.as_ref().map_or(&no_hints, |(hints, _)| hints))
        .map_err(|diagnostics| {
            // Only hints can be invalid here.
            hints.as_ref().map_or_else(
                || Failure { exit: Exit::CannotRun, reports: Vec::new() },
                |(_, source)| input::invalid_document(source, &diagnostics),
            )
        })?;
    then(&diff, &backfills.map(|(backfills, _)| backfills).unwrap_or_default())
}
