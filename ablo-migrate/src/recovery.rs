//! The ways on from an unfinished migration: resume, skip a statement, undo. Each has its reason in
//! the ledger.

use crate::approvals::required_approvals;
use crate::codes::applying::{NOTHING_UNFINISHED, UNDO_REFUSED};
use crate::databases::lower;
use crate::error::{Error, Finding, Result};
use crate::ledger::{Action, Entry, Record, State};
use crate::plan::{RequiredApproval, SchemaOrigin, read_schema};
use crate::session::{Applied, Decision, RowLimit, Session, Subject, Timeouts, locked};
use ablo_codegen::emit::sql::quoted;
use ablo_codegen::migrate::{Effect, Existing, Lock, LockMode, Phase, Statement};
use ablo_schema::diff::{self, Backfills, Hints};
use ablo_schema::{Schema, canonical};

/// Runs the rest of an unfinished migration and returns the number of statements.
///
/// # Errors
/// `ablo::migrate::nothing_unfinished`, `ablo::database::locked`, and those of
/// [`finish`](crate::finish).
pub fn resume(database: &mut dyn Session, reason: &str, timeouts: Timeouts) -> Result<usize> {
    locked(database, timeouts, |database| {
        let (entry, position) = unfinished(database)?;
        let decision = Decision { action: Action::Resume, statement: None, reason };
        database.decide(&entry, &decision, position)?;
        database.finish(timeouts)
    })
}

/// Leaves out the statement at which an unfinished migration stopped, or the comparison with the
/// catalog at its end, and runs the rest. Returns the number of statements that ran.
///
/// # Errors
/// Those of [`resume`].
pub fn skip(database: &mut dyn Session, reason: &str, timeouts: Timeouts) -> Result<usize> {
    locked(database, timeouts, |database| {
        let (entry, position) = unfinished(database)?;
        let decision = Decision { action: Action::Skip, statement: Some(position), reason };
        let last = entry.record.of(Phase::AfterCommit).count();
        database.decide(&entry, &decision, (position + 1).min(last))?;
        database.finish(timeouts)
    })
}

/// Restores the schema before an unfinished migration, if that loses nothing.
///
/// # Errors
/// `ablo::migrate::undo_refused` and those of [`Session::apply`], with which nothing was changed;
/// those of [`resume`].
pub fn undo(database: &mut dyn Session, reason: &str, timeouts: Timeouts) -> Result<Applied> {
    locked(database, timeouts, |database| {
        let (entry, _) = unfinished(database)?;
        let (inverse, limits) = inverse(database, &entry)?;
        let decision = Decision { action: Action::Undo, statement: None, reason };
        database.undo(&entry, &decision, &inverse, &limits, timeouts)
    })
}

/// Returns the unfinished migration and the after-commit statement at which it stopped.
fn unfinished(database: &mut dyn Session) -> Result<(Entry, usize)> {
    let entries = database.ledger()?.into_iter();
    let mut open = entries.filter_map(|entry| match entry.state {
        State::AfterCommit(position) => Some((entry, position)),
        State::Done => None,
    });
    let nothing = || Finding::new(NOTHING_UNFINISHED, "every migration of the ledger is finished");
    open.next().ok_or_else(|| nothing().into())
}

/// Returns the record of the inverse, and the number of rows that may have a value in each column
/// that it drops: none.
fn inverse(database: &mut dyn Session, entry: &Entry) -> Result<(Record, Vec<RowLimit>)> {
    let earlier = database.ledger()?.into_iter().rfind(|earlier| earlier.id < entry.id);
    let before = earlier.map(|earlier| earlier.record);
    let Some(before) = before.filter(|before| Some(&before.to) == entry.record.from.as_ref())
    else {
        return Err(refused("the schema before it is not in the ledger"));
    };
    if before.layout != entry.record.layout {
        return Err(refused("it changed the layout of the tables"));
    }
    let is = read_schema(&entry.record.schema, SchemaOrigin::Ledger)?;
    let was = read_schema(&before.schema, SchemaOrigin::Ledger)?;
    let forward = change(database, &was, &is, &before, entry.record.foreign_keys)?;
    if let Some((needed, _)) = forward.1.first() {
        return Err(refused(&format!("its own effect cannot be taken back: {}", needed.what)));
    }
    let (statements, needed) = change(database, &is, &was, &entry.record, before.foreign_keys)?;
    let mut limits = Vec::new();
    for (needed, subject) in needed {
        // A column that is dropped and has no value loses nothing.
        let subject = subject.filter(|subject| subject.column.is_some());
        let rows = subject.as_ref().map(|subject| subject.count(database)).transpose()?.flatten();
        match (subject, rows) {
            (Some(subject), Some(0)) => limits.push(RowLimit { id: needed.id, subject, rows: 0 }),
            (_, Some(rows)) => return Err(refused(&format!("{}, {rows} rows", needed.what))),
            (_, None) => return Err(refused(&needed.what)),
        }
    }
    let statements = left_over(database.schema_name(), &entry.record).chain(statements).collect();
    let record = Record {
        from: Some(entry.record.to.clone()),
        to: before.to,
        schema: canonical::print(&was),
        foreign_keys: before.foreign_keys,
        layout: before.layout,
        statements,
        accepted: before.accepted,
    };
    Ok((record, limits))
}

type Needed = Vec<(RequiredApproval, Option<Subject>)>;

/// Returns the statements from one schema to another, and the approvals that they need.
fn change(
    database: &dyn Session,
    from: &Schema,
    to: &Schema,
    existing: &Record,
    foreign_keys: bool,
) -> Result<(Vec<Statement>, Needed)> {
    let diff = diff::diff(Some(from), to, &Hints::default())
        .map_err(|faults| refused(&format!("{faults:?}")))?;
    let backfills = Backfills::default();
    let tables = Existing { layout: existing.layout, foreign_keys: existing.foreign_keys };
    let (dialect, schema) = (database.dialect(), database.schema_name());
    let migration = lower(dialect, &diff, &backfills, schema, tables, foreign_keys)?;
    let needed = required_approvals(&diff.report(&backfills), &migration);
    Ok((migration.statements, needed))
}

/// Returns the statements that remove what exists only while the migration runs.
fn left_over<'r>(schema: &str, record: &'r Record) -> impl Iterator<Item = Statement> + use<'r> {
    let place = quoted(schema);
    record.of(Phase::AfterCommit).flat_map(move |statement| {
        let removed = statement.effects.iter().filter_map(|effect| match effect {
            Effect::NoConstraint { table, name, .. } => {
                let (table_name, name) = (quoted(table), quoted(name));
                let sql =
                    format!("ALTER TABLE {place}.{table_name} DROP CONSTRAINT IF EXISTS {name};");
                Some(removal(sql, Some(table), Some(effect)))
            }
            Effect::NoIndex { name, .. } => {
                let sql = format!("DROP INDEX IF EXISTS {place}.{};", quoted(name));
                Some(removal(sql, None, Some(effect)))
            }
            _ => None,
        });
        let policies = statement.locks.iter().filter_map(|Lock { table, .. }| {
            let sql = format!("DROP POLICY IF EXISTS ablo_migrates ON {place}.{};", quoted(table));
            statement.sql.contains("ablo_migrates").then(|| removal(sql, Some(table), None))
        });
        removed.chain(policies).collect::<Vec<_>>()
    })
}

fn removal(sql: String, table: Option<&String>, effect: Option<&Effect>) -> Statement {
    let locks = table.map(|table| Lock { table: table.clone(), mode: LockMode::AccessExclusive });
    Statement {
        sql,
        phase: Phase::Transaction,
        cause: None,
        locks: locks.into_iter().collect(),
        hazards: Vec::new(),
        effects: effect.into_iter().cloned().collect(),
    }
}

fn refused(reason: &str) -> Error {
    Finding::new(UNDO_REFUSED, format!("the migration cannot be undone: {reason}")).into()
}
