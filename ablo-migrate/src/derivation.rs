//! Compares a plan with the database and with the plan that its two schemas give.
//!
//! A plan is a file that others can edit, so nothing of it is run that does not follow from the
//! schema in the ledger, the schema of the plan, its hints and its backfills.

use crate::accepted::{Accepted, carried, unaccepted};
use crate::catalog::Catalog;
use crate::codes;
use crate::draft::draft;
use crate::error::{Error, Finding, Result};
use crate::existing::{current, existing};
use crate::ledger::Entry;
use crate::plan::{Body, Class, RequiredApproval, SchemaOrigin, read_schema};
use crate::session::{Dropped, Obstacles, Session, Subject};
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::{Existing, held};
use ablo_schema::Schema;
use ablo_schema::diff::{self, Backfills, Diff, Hints};
use ablo_schema::front::json;
use std::collections::BTreeSet;

/// Checks that a plan is for this kind of database and this place of its tables.
///
/// # Errors
/// `ablo::migrate::plan_elsewhere`.
pub(crate) fn check_target(database: &dyn Session, body: &Body) -> Result<()> {
    let (schema, dialect) = (database.schema_name(), database.dialect().as_str());
    if body.dialect == dialect && body.target_schema == schema {
        return Ok(());
    }
    let message = format!(
        "the plan is for `{}` of {}, not for `{schema}` of {dialect}",
        body.target_schema, body.dialect
    );
    Err(Finding::new(codes::PLAN_ELSEWHERE, message).into())
}

/// Checks that the database is where a plan starts, and that the plan is what its schemas give.
/// Returns what each required approval affects, and what remains accepted.
///
/// # Errors
/// `ablo::migrate::schema_moved`, `ablo::migrate::database_moved`,
/// `ablo::migrate::plan_not_derived`, or any error of the session.
pub(crate) fn check(
    database: &mut dyn Session,
    body: &Body,
    head: Option<&Entry>,
) -> Result<(Vec<Option<Subject>>, Vec<Accepted>)> {
    let at = head.map(|entry| entry.record.to.as_str());
    // Without a ledger, the fingerprint ensures that the tables are those of the baseline.
    let is_baseline = at.is_none() && body.fingerprint.is_some();
    if at != body.from.as_deref() && !is_baseline {
        let message = match head {
            Some(entry) => format!("entry {} of the ledger led to another schema", entry.id),
            None => "the database has no ledger".to_owned(),
        };
        return Err(Finding::new(codes::SCHEMA_MOVED, message).into());
    }
    if let Some(expected) = &body.fingerprint {
        let found = database.catalog()?.fingerprint(body.tables.iter().map(String::as_str));
        if found != *expected {
            let message = "the tables are not those that the plan was made for";
            return Err(Finding::new(codes::DATABASE_MOVED, message).into());
        }
    }
    let prev = previous(database, body, head)?;
    let known = head.map(|entry| &*entry.record.accepted).unwrap_or_default();
    let (derived, subjects, accepted) = derive(database, body, prev.as_ref(), known)?;
    match difference(body, &derived) {
        Some(what) => Err(not_derived(format!("{what} not what the two schemas give"))),
        None => Ok((subjects, accepted)),
    }
}

/// Returns the schema that the plan starts from, as the database has it.
fn previous(
    database: &mut dyn Session,
    body: &Body,
    head: Option<&Entry>,
) -> Result<Option<Schema>> {
    match head {
        Some(entry) => Ok(Some(read_schema(&entry.record.schema, SchemaOrigin::Ledger)?)),
        None if body.baseline.is_null() => Ok(None),
        None => {
            let baseline = read_schema(&body.baseline.to_string(), SchemaOrigin::Plan)?;
            Ok(current(database, Some(&baseline))?.schema)
        }
    }
}

/// Makes the body of a plan from its schemas, its hints and its backfills.
fn derive(
    database: &mut dyn Session,
    body: &Body,
    prev: Option<&Schema>,
    accepted: &[Accepted],
) -> Result<(Body, Vec<Option<Subject>>, Vec<Accepted>)> {
    let next = read_schema(&body.schema.to_string(), SchemaOrigin::Plan)?;
    let unreadable = |what: &str| not_derived(format!("the {what} of the plan are invalid"));
    let hints = match &body.hints {
        hints if hints.is_null() => Hints::default(),
        hints => json::read_hints(&hints.to_string()).0.ok_or_else(|| unreadable("hints"))?,
    };
    let backfills = match &body.backfills {
        backfills if backfills.is_null() => Backfills::default(),
        backfills => {
            let read = json::read_backfills(&backfills.to_string(), &next).0;
            read.ok_or_else(|| unreadable("backfills"))?
        }
    };
    let diff = diff::diff(prev, &next, &hints).map_err(|_| unreadable("hints"))?;
    let existing = existing(database, prev)?;
    let target: (Dialect, &str) = (database.dialect(), database.schema_name());
    let (mut derived, subjects) = draft(&diff, &backfills, target, existing, body.foreign_keys)?;
    let found = database.catalog()?;
    check_obstacles(database, &diff, existing, &found, &mut derived)?;
    Ok((derived, subjects, carried(accepted, &diff, &found)))
}

/// Checks that the tables are as the migration expects them, and that nothing outside of the schema
/// stops it or would be broken by it. Adds statements for objects that have other names, and names
/// in the approvals what is dropped with a column.
///
/// # Errors
/// `ablo::migrate::drifted` with every difference, `ablo::migrate::dependent` and
/// `ablo::migrate::not_ours` with every object.
pub(crate) fn check_obstacles(
    database: &mut dyn Session,
    diff: &Diff<'_>,
    existing: Existing,
    found: &Catalog,
    body: &mut Body,
) -> Result<()> {
    let accepted = database.ledger()?.pop().map(|entry| entry.record.accepted).unwrap_or_default();
    let locks = body.statements.iter().flat_map(|statement| &statement.locks);
    let touched: BTreeSet<String> = locks.map(|lock| lock.table.clone()).collect();
    if let Some(prev) = diff.prev().filter(|_| !touched.is_empty()) {
        let differences = unaccepted(database.compare(prev, existing, found)?, &accepted);
        let stops: Vec<_> = differences
            .iter()
            .filter(|one| touched.contains(&one.table) && !one.is_addition())
            .collect();
        if !stops.is_empty() {
            let message = format!("the tables differ from the schema in {} places", stops.len());
            let first = Finding::new(codes::DRIFTED, message);
            return Err(Error(
                std::iter::once(first).chain(stops.iter().map(|one| one.finding())).collect(),
            ));
        }
    }
    let Obstacles { findings, dropped } =
        database.obstacles(diff, existing, found, &accepted, &mut body.statements)?;
    if !findings.is_empty() {
        return Err(Error(findings));
    }
    for Dropped { step, what } in dropped {
        let is_its = |needed: &&mut RequiredApproval| {
            needed.class == Class::Loss && Some(needed.step) == step
        };
        if let Some(approval) = body.approvals_needed.iter_mut().find(is_its) {
            approval.what += &format!("; {what} is dropped with it");
        }
    }
    body.locks = held(&body.statements);
    Ok(())
}

/// Returns the first part of a plan that differs from the derived one, with its verb. What was
/// measured in the database is left out: the fingerprint and the numbers of rows.
fn difference(body: &Body, derived: &Body) -> Option<String> {
    let at = body.statements.iter().zip(&derived.statements).position(|(given, own)| given != own);
    if let Some(at) = at {
        return Some(format!("statement {} is", at + 1));
    }
    if body.statements.len() != derived.statements.len() {
        return Some("the number of statements is".to_owned());
    }
    let unmeasured = |needed: &[RequiredApproval]| -> Vec<RequiredApproval> {
        needed.iter().map(|one| RequiredApproval { rows: None, ..one.clone() }).collect()
    };
    if unmeasured(&body.approvals_needed) != unmeasured(&derived.approvals_needed) {
        return Some("the list of required approvals is".to_owned());
    }
    let rest = Body {
        fingerprint: body.fingerprint.clone(),
        rows: body.rows.clone(),
        approvals_needed: body.approvals_needed.clone(),
        baseline: body.baseline.clone(),
        ..derived.clone()
    };
    (*body != rest).then(|| "the description of the change is".to_owned())
}

fn not_derived(message: String) -> Error {
    Finding::new(codes::PLAN_NOT_DERIVED, message).into()
}
