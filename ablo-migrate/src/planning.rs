//! From two schemas, or a database and a schema, to a plan; and from a plan to a migrated database.
//!
//! Nothing here knows which database it is: a [`Session`] does.

use crate::codes;
use crate::compare::Difference;
use crate::error::{Error, Finding, Result};
use crate::ledger::{Entry, State};
use crate::needs::{Subject, needs};
use crate::plan::{Body, FORMAT, Plan, read_schema};
use crate::session::{Applied, Dialect, Patience, Session};
use ablo_schema::diff::{self, Backfills, Diff, Hints};
use ablo_schema::schema::Plane;
use ablo_schema::{Hashes, Schema, canonical};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a database is at.
#[derive(Clone, Debug)]
pub struct Current {
    /// The schema that it has; none where it has none.
    pub schema: Option<Schema>,
    /// Whether its relations with `fk` are foreign keys, where the ledger says.
    pub foreign_keys: Option<bool>,
    /// The last entry of the ledger, if there is one.
    pub entry: Option<Entry>,
}

/// Finds out which schema a database has: what the ledger says, else `baseline`, which the tables have to fit, else none where
/// there are no tables.
///
/// # Errors
/// `ablo::migrate::baseline_required`, `ablo::migrate::baseline_differs` with every difference, `ablo::migrate::schema_invalid`
/// and what the database refuses.
pub fn current(
    database: &mut dyn Session,
    baseline: Option<&Schema>,
    foreign_keys: bool,
) -> Result<Current> {
    if let Some(entry) = database.ledger()?.pop() {
        let schema = Some(read_schema(&entry.record.schema, "the ledger")?);
        return Ok(Current {
            schema,
            foreign_keys: Some(entry.record.foreign_keys),
            entry: Some(entry),
        });
    }
    let Some(baseline) = baseline else {
        let live = database.live()?;
        if live.tables.is_empty() {
            return Ok(Current { schema: None, foreign_keys: None, entry: None });
        }
        let message =
            format!("`{}` has {} tables and no ledger", database.place(), live.tables.len());
        return Err(Finding::new(codes::BASELINE_REQUIRED, message).into());
    };
    let misfits: Vec<_> = drift(database, baseline, foreign_keys)?
        .into_iter()
        .filter(|difference| difference.misfit)
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

/// Every difference between a schema and the database. Nothing is written.
///
/// # Errors
/// What the database refuses.
pub fn drift(
    database: &mut dyn Session,
    schema: &Schema,
    foreign_keys: bool,
) -> Result<Vec<Difference>> {
    database.drift(schema, foreign_keys)
}

/// A plan that no database was asked for: it has no counts and no fingerprint.
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
    Ok(Plan::new(draft(diff, backfills, (dialect, target_schema), foreign_keys)?.0))
}

/// A plan for this database, with what it measures there.
///
/// # Errors
/// `ablo::migrate::options`, and what the database refuses.
pub fn plan(
    database: &mut dyn Session,
    diff: &Diff<'_>,
    backfills: &Backfills,
    foreign_keys: bool,
) -> Result<Plan> {
    let (mut body, subjects) =
        draft(diff, backfills, (database.dialect(), database.place()), foreign_keys)?;
    let live = database.live()?;
    body.fingerprint = Some(live.fingerprint(body.tables.iter().map(String::as_str)));
    let touched: BTreeSet<&str> = body
        .statements
        .iter()
        .flat_map(|statement| &statement.locks)
        .map(|lock| lock.table.as_str())
        .collect();
    let mut rows = BTreeMap::new();
    for table in touched.into_iter().filter(|table| live.tables.contains_key(*table)) {
        rows.insert(table.to_owned(), database.rows(table)?);
    }
    body.rows = rows;
    for (needed, subject) in body.approvals_needed.iter_mut().zip(subjects) {
        let Some(Subject { table, column }) = subject else { continue };
        needed.rows = match (live.tables.get(&table), column) {
            (Some(found), Some(column)) if found.column(&column).is_some() => {
                database.filled(&table, &column)?
            }
            (Some(_), None) => {
                let counted = database.rows(&table)?;
                counted.exact.then_some(counted.count)
            }
            _ => None,
        };
    }
    Ok(Plan::new(body))
}

/// Everything of a plan that needs no database, and what there is to count for each approval.
fn draft(
    diff: &Diff<'_>,
    backfills: &Backfills,
    (dialect, target_schema): (Dialect, &str),
    foreign_keys: bool,
) -> Result<(Body, Vec<Option<Subject>>)> {
    let migration = dialect.lower(diff, backfills, target_schema, foreign_keys)?;
    let report = diff.report(backfills);
    let (approvals_needed, subjects) = needs(&report, &migration).into_iter().unzip();
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

/// A text that this program wrote as JSON.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What came of applying a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What ran.
    pub applied: Applied,
    /// Whether the plan had been applied before, so that nothing of it ran but what was unfinished.
    pub was_done: bool,
}

/// Applies a plan: first what an earlier run left undone, then, if the database is still what the plan was made for and every
/// approval is there, this plan.
///
/// # Errors
/// Every code of approvals, `ablo::migrate::schema_moved`, `ablo::migrate::database_moved`, `ablo::database::locked`, and those of
/// [`Session::apply`]. But for `ablo::migrate::after_commit_failed` nothing of the plan was done.
pub fn apply(database: &mut dyn Session, plan: &Plan, patience: Patience) -> Result<Outcome> {
    let body = &plan.body;
    if body.dialect != database.dialect().as_str() || body.target_schema != database.place() {
        let here = (database.place(), database.dialect().as_str());
        let message = format!(
            "it is for `{}` of {}, not for `{}` of {}",
            body.target_schema, body.dialect, here.0, here.1
        );
        return Err(Finding::new(codes::PLAN_ELSEWHERE, message).into());
    }
    plan.check_approvals()?;
    locked(database, patience, |database| apply_locked(database, plan, patience))
}

/// Brings a database to a schema as far as nobody has to decide anything, and says what ran; none where nothing had to change.
/// Several processes may do so at once: from the first look on this holds the lock. Tables without a ledger have to fit the schema.
///
/// # Errors
/// Those of [`current`] and of [`apply`]; nothing was changed where something has to be approved.
pub fn bring(
    database: &mut dyn Session,
    next: &Schema,
    foreign_keys: bool,
    patience: Patience,
) -> Result<Option<Applied>> {
    locked(database, patience, |database| {
        database.finish(patience)?;
        let is_unrecorded = database.ledger()?.is_empty() && !database.live()?.tables.is_empty();
        let current = current(database, is_unrecorded.then_some(next), foreign_keys)?;
        let foreign_keys = current.foreign_keys.unwrap_or(foreign_keys);
        let diff = diff::diff(current.schema.as_ref(), next, &Hints::default())
            .map_err(|said| Finding::new(codes::SCHEMA_INVALID, format!("{said:?}")))?;
        let plan = plan(database, &diff, &Backfills::default(), foreign_keys)?;
        let is_recorded = current.entry.is_some_and(|entry| entry.record.to == plan.body.to);
        if is_recorded && plan.body.statements.is_empty() {
            return Ok(None);
        }
        plan.check_approvals()?;
        let applied = apply_locked(database, &plan, patience)?.applied;
        let was_there = plan.body.from.is_some() && applied != Applied::default();
        Ok(was_there.then_some(applied))
    })
}

/// Does something that no other migration runs beside.
fn locked<T>(
    database: &mut dyn Session,
    patience: Patience,
    work: impl FnOnce(&mut dyn Session) -> Result<T>,
) -> Result<T> {
    database.lock(patience.migration)?;
    let result = work(database);
    let unlocked = database.unlock();
    let done = result?;
    unlocked.map(|()| done)
}

fn apply_locked(database: &mut dyn Session, plan: &Plan, patience: Patience) -> Result<Outcome> {
    let finished = database.finish(patience)?;
    let (body, record) = (&plan.body, plan.record()?);
    let head = database.ledger()?.pop();
    if head.as_ref().is_some_and(|entry| entry.record == record) {
        return Ok(Outcome {
            applied: Applied { transaction: 0, after_commit: finished },
            was_done: true,
        });
    }
    let at = head.as_ref().map(|entry| entry.record.to.as_str());
    // Without a ledger the fingerprint says that the tables are those of the baseline.
    let is_baseline = at.is_none() && body.fingerprint.is_some();
    if at != body.from.as_deref() && !is_baseline {
        let said = |hash: Option<&str>| hash.unwrap_or("no schema").to_owned();
        let message = format!(
            "the plan starts from {}, the database is at {}",
            said(body.from.as_deref()),
            said(at)
        );
        return Err(Finding::new(codes::SCHEMA_MOVED, message).into());
    }
    if let Some(wanted) = &body.fingerprint {
        let found = database.live()?.fingerprint(body.tables.iter().map(String::as_str));
        if found != *wanted {
            let message = format!(
                "the plan was made for tables of the fingerprint {wanted}, and they have {found}"
            );
            return Err(Finding::new(codes::DATABASE_MOVED, message).into());
        }
    }
    let mut applied = database.apply(&record, patience)?;
    applied.after_commit += finished;
    Ok(Outcome { applied, was_done: false })
}

/// Finishes what an earlier run began, and says how many statements that were.
///
/// # Errors
/// `ablo::database::locked`, and `ablo::migrate::after_commit_failed`.
pub fn finish(database: &mut dyn Session, patience: Patience) -> Result<usize> {
    if database.ledger()?.iter().all(|entry| entry.state == State::Done) {
        return Ok(0);
    }
    locked(database, patience, |database| database.finish(patience))
}
