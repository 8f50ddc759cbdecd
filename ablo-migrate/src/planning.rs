//! Makes plans and applies them. Everything specific to a dialect is behind [`Session`].

use crate::approvals::{Subject, required_approvals};
use crate::codes;
use crate::compare::Difference;
use crate::databases::lower;
use crate::error::{Error, Finding, Result};
use crate::existing::existing;
use crate::ledger::{Entry, Record, State};
use crate::plan::{Body, FORMAT, Plan, SchemaOrigin, read_schema};
use crate::session::{Applied, Session, Timeouts};
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::Existing;
use ablo_codegen::shape::Layout;
use ablo_schema::diff::{self, Backfills, Diff, Hints};
use ablo_schema::schema::Plane;
use ablo_schema::{Hashes, Schema, canonical};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a database.
#[derive(Clone, Debug)]
pub struct Current {
    /// The current schema. `None` if the database has no tables.
    pub schema: Option<Schema>,
    /// Whether `fk` relations are foreign keys, as recorded in the ledger for the current layout.
    /// In the first layout, they were only on request.
    pub foreign_keys: Option<bool>,
    /// The last entry of the ledger.
    pub entry: Option<Entry>,
}

/// Returns the current schema of a database: that of the ledger's last entry; else `baseline`, if
/// the tables match it; else none, if there are no tables.
///
/// # Errors
/// `ablo::migrate::baseline_required`, `ablo::migrate::baseline_differs` with every difference,
/// `ablo::ledger::schema_invalid`, or any error of the session.
pub fn current(database: &mut dyn Session, baseline: Option<&Schema>) -> Result<Current> {
    if let Some(entry) = database.ledger()?.pop() {
        let schema = Some(read_schema(&entry.record.schema, SchemaOrigin::Ledger)?);
        let Record { layout, foreign_keys, .. } = entry.record;
        let foreign_keys = (!layout.is_first()).then_some(foreign_keys);
        return Ok(Current { schema, foreign_keys, entry: Some(entry) });
    }
    let Some(baseline) = baseline else {
        let found = database.catalog()?;
        if found.tables.is_empty() {
            return Ok(Current { schema: None, foreign_keys: None, entry: None });
        }
        let message =
            format!("`{}` has {} tables and no ledger", database.schema_name(), found.tables.len());
        return Err(Finding::new(codes::BASELINE_REQUIRED, message).into());
    };
    let existing = existing(database, Some(baseline))?;
    let misfits: Vec<_> = database
        .drift(baseline, existing)?
        .into_iter()
        .filter(|difference| difference.incompatible)
        .collect();
    if !misfits.is_empty() {
        let first = Finding::new(
            codes::BASELINE_DIFFERS,
            format!("the tables differ from the baseline in {} places", misfits.len()),
        );
        return Err(Error(
            std::iter::once(first).chain(misfits.iter().map(Difference::finding)).collect(),
        ));
    }
    Ok(Current { schema: Some(baseline.clone()), foreign_keys: None, entry: None })
}

/// Returns every difference between a schema and the database. Writes nothing.
///
/// # Errors
/// Any error of the session.
pub fn drift(
    database: &mut dyn Session,
    schema: &Schema,
    foreign_keys: bool,
) -> Result<Vec<Difference>> {
    database.drift(schema, Existing { layout: Layout::CURRENT, foreign_keys })
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
    let target = (database.dialect(), database.schema_name());
    let (mut body, subjects) = draft(diff, backfills, target, existing, foreign_keys)?;
    let found = database.catalog()?;
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
        let Some(Subject { table, column }) = subject else { continue };
        approval.rows = match (found.tables.get(&table), column) {
            (Some(found), Some(column)) if found.column(&column).is_some() => {
                database.count_values(&table, &column)?
            }
            (Some(_), None) => {
                let counted = database.row_count(&table)?;
                counted.exact.then_some(counted.count)
            }
            _ => None,
        };
    }
    Ok(Plan::new(body))
}

/// Builds the parts of a plan that need no database, and the rows to count for each approval.
fn draft(
    diff: &Diff<'_>,
    backfills: &Backfills,
    (dialect, target_schema): (Dialect, &str),
    existing: Existing,
    foreign_keys: bool,
) -> Result<(Body, Vec<Option<Subject>>)> {
    let migration = lower(dialect, diff, backfills, target_schema, existing, foreign_keys)?;
    let report = diff.report(backfills);
    let (approvals_needed, subjects) = required_approvals(&report, &migration).into_iter().unzip();
    let hash = |schema: &Schema| Hashes::of(schema).content.to_string();
    let tables: BTreeSet<&str> = [diff.prev(), Some(diff.next())]
        .into_iter()
        .flatten()
        .flat_map(Schema::models)
        .filter(|model| model.plane == Plane::Tenant)
        .map(|model| model.table.as_str())
        .collect();
    let body = Body {
        ablo_plan: FORMAT,
        dialect: dialect.as_str().to_owned(),
        target_schema: target_schema.to_owned(),
        foreign_keys,
        layout: Layout::CURRENT,
        from: diff.prev().map(hash),
        to: hash(diff.next()),
        tables: tables.into_iter().map(str::to_owned).collect(),
        fingerprint: None,
        rows: BTreeMap::new(),
        report: json(&report.to_value().to_json()),
        approvals_needed,
        statements: migration.statements,
        schema: json(&canonical::print(diff.next())),
    };
    Ok((body, subjects))
}

/// Parses JSON that this program wrote.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
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
/// `ablo::migrate::schema_moved`, `ablo::migrate::database_moved`, `ablo::database::locked`, and
/// those of [`Session::apply`]. Except for `ablo::migrate::after_commit_failed`, no statement of
/// the plan took effect.
pub fn apply(database: &mut dyn Session, plan: &Plan, timeouts: Timeouts) -> Result<Outcome> {
    let body = &plan.body;
    if body.dialect != database.dialect().as_str() || body.target_schema != database.schema_name() {
        let here = (database.schema_name(), database.dialect().as_str());
        let message = format!(
            "the plan is for `{}` of {}, not for `{}` of {}",
            body.target_schema, body.dialect, here.0, here.1
        );
        return Err(Finding::new(codes::PLAN_ELSEWHERE, message).into());
    }
    plan.check_approvals()?;
    locked(database, timeouts, |database| apply_locked(database, plan, timeouts))
}

/// Migrates a database to a schema if that needs no decision or approval. Returns the numbers of
/// statements that ran, or `None` if the database was up to date or empty.
///
/// Holds the migration lock throughout, so several processes may call this at once. Tables without
/// a ledger have to match the schema.
///
/// # Errors
/// The errors of [`current`] and of [`apply`]. If an approval is missing, nothing was changed.
pub fn migrate_to(
    database: &mut dyn Session,
    next: &Schema,
    foreign_keys: bool,
    timeouts: Timeouts,
) -> Result<Option<Applied>> {
    locked(database, timeouts, |database| {
        database.finish(timeouts)?;
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

/// Runs work under the migration lock.
fn locked<T>(
    database: &mut dyn Session,
    timeouts: Timeouts,
    work: impl FnOnce(&mut dyn Session) -> Result<T>,
) -> Result<T> {
    database.lock(timeouts.migration_lock)?;
    let result = work(database);
    let unlocked = database.unlock();
    let done = result?;
    unlocked.map(|()| done)
}

fn apply_locked(database: &mut dyn Session, plan: &Plan, timeouts: Timeouts) -> Result<Outcome> {
    let finished = database.finish(timeouts)?;
    let (body, record) = (&plan.body, plan.record()?);
    let head = database.ledger()?.pop();
    if head.as_ref().is_some_and(|entry| entry.record == record) {
        return Ok(Outcome {
            applied: Applied { transaction: 0, after_commit: finished },
            already_applied: true,
        });
    }
    let at = head.as_ref().map(|entry| entry.record.to.as_str());
    // Without a ledger, the fingerprint ensures that the tables are those of the baseline.
    let is_baseline = at.is_none() && body.fingerprint.is_some();
    if at != body.from.as_deref() && !is_baseline {
        let show = |hash: Option<&str>| hash.unwrap_or("no schema").to_owned();
        let message = format!(
            "the plan starts from {}, the database is at {}",
            show(body.from.as_deref()),
            show(at)
        );
        return Err(Finding::new(codes::SCHEMA_MOVED, message).into());
    }
    if let Some(expected) = &body.fingerprint {
        let found = database.catalog()?.fingerprint(body.tables.iter().map(String::as_str));
        if found != *expected {
            let message = format!(
                "the plan was made for tables with the fingerprint {expected}, the tables have \
                 {found}"
            );
            return Err(Finding::new(codes::DATABASE_MOVED, message).into());
        }
    }
    let mut applied = database.apply(&record, timeouts)?;
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
