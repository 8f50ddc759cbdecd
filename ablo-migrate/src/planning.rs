//! Makes plans and applies them. Everything specific to a dialect is behind [`Session`].

use crate::accepted::{gone, unaccepted};
use crate::approver::{self, counted};
use crate::codes;
use crate::compare::Difference;
use crate::derivation;
use crate::draft::{draft, json};
use crate::error::{Finding, Result};
use crate::existing::{current, existing};
use crate::history::{Standing, standing};
use crate::ledger::{Record, State};
use crate::plan::Plan;
use crate::session::{Applied, Session, Timeouts, locked};
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::Existing;
use ablo_codegen::shape::{Layout, TableShape, tables};
use ablo_schema::diff::{self, Backfills, Diff, Hints};
use ablo_schema::{Schema, canonical};
use std::collections::{BTreeMap, BTreeSet};

/// Returns every difference between a schema and the database, except those that were accepted when
/// the database was adopted. Writes nothing.
///
/// # Errors
/// Any error of the session.
pub fn drift(
    database: &mut dyn Session,
    schema: &Schema,
    foreign_keys: bool,
) -> Result<Vec<Difference>> {
    let accepted = database.ledger()?.pop().map(|entry| entry.record.accepted).unwrap_or_default();
    let found = database.catalog()?;
    let tables = Existing { layout: Layout::CURRENT, foreign_keys };
    let mut differences = unaccepted(database.compare(schema, tables, &found)?, &accepted);
    differences.extend(gone(&accepted, &found));
    Ok(differences)
}

/// Returns the tables of a schema that have another owner than the ledger, and the privileges of
/// other roles on them.
///
/// # Errors
/// Any error of the session.
pub fn privileges(database: &mut dyn Session, schema: &Schema) -> Result<Vec<Difference>> {
    let shapes = tables(schema);
    database.privileges(&shapes.iter().map(TableShape::name).collect())
}

/// Makes a plan without a database. It has no row counts and no fingerprint, and expects tables of
/// the current layout.
///
/// # Errors
/// `ablo::migrate::options`.
pub fn offline(
    diff: &Diff<'_>,
    backfills: &Backfills,
    dialect: Dialect,
    target_schema: &str,
    foreign_keys: bool,
) -> Result<Plan> {
    let existing = Existing { layout: Layout::CURRENT, foreign_keys };
    Ok(Plan::new(draft(diff, backfills, (dialect, target_schema), existing, foreign_keys)?.0))
}

/// Makes a plan for this database, with row counts and a fingerprint.
///
/// # Errors
/// `ablo::migrate::options`, or any error of the session.
pub fn plan(
    database: &mut dyn Session,
    diff: &Diff<'_>,
    backfills: &Backfills,
    foreign_keys: bool,
) -> Result<Plan> {
    let existing = existing(database, diff.prev())?;
    let is_unrecorded = database.ledger()?.is_empty();
    let target = (database.dialect(), database.schema_name());
    let (mut body, subjects) = draft(diff, backfills, target, existing, foreign_keys)?;
    let found = database.catalog()?;
    derivation::check_obstacles(database, diff, existing, &found, &mut body)?;
    if let Some(prev) = diff.prev().filter(|_| is_unrecorded) {
        body.baseline = json(&canonical::print(prev));
    }
    body.fingerprint = Some(found.fingerprint(body.tables.iter().map(String::as_str)));
    let locked_tables: BTreeSet<&str> = body
        .statements
        .iter()
        .flat_map(|statement| &statement.locks)
        .map(|lock| lock.table.as_str())
        .collect();
    let mut rows = BTreeMap::new();
    for table in locked_tables.into_iter().filter(|table| found.tables.contains_key(*table)) {
        rows.insert(table.to_owned(), database.row_count(table)?);
    }
    body.rows = rows;
    for (approval, subject) in body.approvals_needed.iter_mut().zip(subjects) {
        if let Some(subject) = counted(&found, subject.as_ref()) {
            approval.rows = subject.count(database)?;
        }
    }
    Ok(Plan::new(body))
}

/// The result of applying a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The numbers of statements that ran.
    pub applied: Applied,
    /// Whether the plan had been applied before. Then only its unfinished statements ran.
    pub already_applied: bool,
}

/// Finishes earlier migrations and applies a plan, if the database still matches it and every
/// approval was given.
///
/// # Errors
/// The errors of [`Plan::check_approvals`], `ablo::migrate::plan_elsewhere`,
/// `ablo::migrate::schema_moved`, `ablo::migrate::database_moved`,
/// `ablo::migrate::plan_not_derived`, `ablo::database::locked`, a code that begins with
/// `ablo::migrate::approval_` or `ablo::approver::` if the database has approvers, and those of
/// [`Session::apply`]. Except for `ablo::migrate::after_commit_failed`, no statement of the plan
/// took effect.
pub fn apply(database: &mut dyn Session, plan: &Plan, timeouts: Timeouts) -> Result<Outcome> {
    derivation::check_target(database, &plan.body)?;
    plan.check_approvals()?;
    locked(database, timeouts, |database| apply_locked(database, plan, timeouts))
}

/// Migrates a database to a schema if that needs no decision or approval. Returns the numbers of
/// statements that ran, or `None` if the database was up to date or empty.
///
/// Holds the migration lock throughout, so several processes may call this at once. Tables without
/// a ledger have to match the schema. An older schema of the ledger is left as it is.
///
/// # Errors
/// `ablo::migrate::schema_behind`, `ablo::migrate::schema_branched`,
/// `ablo::migrate::schema_unrelated`, and the errors of [`current`]
/// and of [`apply`]. If an approval is missing, nothing was changed.
pub fn migrate_to(
    database: &mut dyn Session,
    next: &Schema,
    foreign_keys: bool,
    timeouts: Timeouts,
) -> Result<Option<Applied>> {
    locked(database, timeouts, |database| {
        database.finish(timeouts)?;
        let standing = standing(next, &database.ledger()?)?;
        if let Some(refusal) = standing.refusal() {
            return Err(refusal);
        }
        if let Standing::Behind { .. } = standing {
            return Ok(None);
        }
        let is_unrecorded = database.ledger()?.is_empty() && !database.catalog()?.tables.is_empty();
        let current = current(database, is_unrecorded.then_some(next))?;
        let diff = diff::diff(current.schema.as_ref(), next, &Hints::default())
            .map_err(|faults| Finding::new(codes::LEDGER_SCHEMA_INVALID, format!("{faults:?}")))?;
        let plan = plan(database, &diff, &Backfills::default(), foreign_keys)?;
        let is_recorded = current.entry.is_some_and(|entry| entry.record.to == plan.body.to);
        if is_recorded && plan.body.statements.is_empty() {
            return Ok(None);
        }
        plan.check_approvals()?;
        let applied = apply_locked(database, &plan, timeouts)?.applied;
        let is_change = plan.body.from.is_some() && applied != Applied::default();
        Ok(is_change.then_some(applied))
    })
}

fn apply_locked(database: &mut dyn Session, plan: &Plan, timeouts: Timeouts) -> Result<Outcome> {
    let finished = database.finish(timeouts)?;
    let mut record = plan.record()?;
    let head = database.ledger()?.pop();
    let is_applied =
        |known: &Record| *known == Record { accepted: known.accepted.clone(), ..record.clone() };
    if head.as_ref().is_some_and(|entry| is_applied(&entry.record)) {
        return Ok(Outcome {
            applied: Applied { transaction: 0, after_commit: finished },
            already_applied: true,
        });
    }
    let (subjects, accepted) = derivation::check(database, &plan.body, head.as_ref())?;
    record.accepted = accepted;
    let limits = approver::limits(database, plan, head.as_ref(), &subjects)?;
    let mut applied = database.apply(&record, &limits, timeouts)?;
    applied.after_commit += finished;
    Ok(Outcome { applied, already_applied: false })
}

/// Runs the remaining statements of earlier migrations and returns their number.
///
/// # Errors
/// `ablo::database::locked`, `ablo::migrate::after_commit_failed`, or any error of the session.
pub fn finish(database: &mut dyn Session, timeouts: Timeouts) -> Result<usize> {
    if database.ledger()?.iter().all(|entry| entry.state == State::Done) {
        return Ok(0);
    }
    locked(database, timeouts, |database| database.finish(timeouts))
}
