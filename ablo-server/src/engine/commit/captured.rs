//! Appends the changes of other programs to the sync log.
//!
//! Changes of a row that were made one after another become one delta: from the row before the
//! first of them to the row as it is now. Their writer and order are known to the database only.

use super::{GroupChange, RowWriter, Submission};
use crate::engine::change::{OperationKind, PlannedChange};
use crate::engine::groups::row_groups;
use crate::engine::{Engine, log};
use crate::error::{Result, StoreError};
use crate::identity::{Identity, everything};
use crate::models::row::id;
use crate::models::{Model, ModelId, Models, Tenancy};
use crate::store::tables::captured::{self, Captured};
use crate::store::{Notification, Tx};
use crate::value::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

/// Finds out which tables have the triggers. Returns whether any has.
pub(crate) fn refresh(models: &Models, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let tables = crate::store::capture::installed(tx)?;
    for model in models.iter() {
        model.captured.store(tables.contains(&model.table), Ordering::Relaxed);
    }
    Ok(models.iter().any(is_captured))
}

fn is_captured(model: &Model) -> bool {
    model.captured.load(Ordering::Relaxed)
}

/// Appends at most `limit` changes of an organisation. Returns their number.
pub(crate) fn append(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    limit: u64,
) -> Result<usize> {
    let changes = captured::take(tx, organization, limit)?;
    record(engine, tx, organization, &changes)?;
    Ok(changes.len())
}

/// Appends the changes of the rows that commits write, so that guards count them.
///
/// The rows are locked first: then no other program can change them until the commits are decided
/// and written.
pub(super) fn append_for(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    submissions: &[Submission<'_>],
) -> Result<(), StoreError> {
    let changes = submissions.iter().flat_map(|submission| &submission.commit.changes);
    let mut rows: BTreeMap<ModelId, BTreeSet<&str>> = BTreeMap::new();
    for change in changes.filter(|change| is_captured(engine.models.get(change.model))) {
        rows.entry(change.model).or_default().insert(&change.id);
    }
    let mut found = Vec::new();
    for (model, ids) in rows {
        let model = engine.models.get(model);
        for id in &ids {
            engine.rows().lock(tx, organization, model, id)?;
        }
        let ids: Vec<&str> = ids.into_iter().collect();
        found.extend(captured::take_rows(tx, organization, &model.key, &ids)?);
    }
    if found.is_empty() {
        return Ok(());
    }
    found.sort_by_key(|change| change.number);
    record(engine, tx, organization, &found).map_err(|error| error.rollback_reason())
}

/// Appends those of some changes without a known organisation that concern this one.
pub(crate) fn append_unowned(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    changes: &[Captured],
) -> Result<()> {
    let mut own = Vec::new();
    for change in changes {
        let Some(model) = engine.models.find(&change.model) else { continue };
        let is_own = model.tenancy == Tenancy::Shared
            || engine.rows().find(tx, organization, model, change.row.as_str())?.is_some()
            || log::last_change(tx, organization, &model.type_name, &change.row)?.is_some();
        own.extend(is_own.then(|| change.clone()));
    }
    record(engine, tx, organization, &own)
}

/// Appends changes that are in their order.
fn record(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    changes: &[Captured],
) -> Result<()> {
    let mut first: BTreeMap<(ModelId, &str), &Captured> = BTreeMap::new();
    for change in changes {
        // A model may have been removed since.
        let Some(model) = engine.models.find(&change.model) else { continue };
        first.entry((model.id, &change.row)).or_insert(change);
    }
    let mut by_model: BTreeMap<ModelId, Vec<&Captured>> = BTreeMap::new();
    for ((model, _), change) in first {
        by_model.entry(model).or_default().push(change);
    }
    let mut rows = Vec::new();
    for (model, changes) in by_model {
        rows.extend(states(engine, tx, organization, model, &changes)?);
    }
    rows.sort_by_key(|change| change.number);
    let who = Identity {
        participant: "database".to_owned(),
        capability: "database".to_owned(),
        ..everything(organization)
    };
    if rows.is_empty() {
        return Ok(());
    }
    rows.into_iter().try_for_each(|change| append_one(engine, tx, &who, change))?;
    Ok(tx.notify(Notification::LogGrown { organization: organization.to_owned() })?)
}

/// A changed row, before and after.
struct ChangedRow<'c> {
    number: u64,
    model: ModelId,
    row: &'c str,
    before: Option<Row>,
    after: Option<Row>,
}

/// Returns the rows before the changes and as they are now.
fn states<'c>(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    model: ModelId,
    changes: &[&'c Captured],
) -> Result<Vec<ChangedRow<'c>>> {
    let model = engine.models.get(model);
    let old: Vec<&str> = changes.iter().filter_map(|change| change.old.as_deref()).collect();
    let mut old = match old.is_empty() {
        true => Vec::new(),
        false => engine.rows().read_json(tx, model, &old)?,
    }
    .into_iter();
    let ids: Vec<String> = changes.iter().map(|change| change.row.clone()).collect();
    let found = engine.rows().find_all(tx, organization, model, &ids)?;
    let mut now: BTreeMap<String, Row> =
        found.into_iter().map(|row| (id(&row).to_owned(), row)).collect();
    let state = |change: &&'c Captured| ChangedRow {
        number: change.number,
        model: model.id,
        row: &change.row,
        before: change.old.as_ref().and_then(|_| old.next()),
        after: now.remove(&change.row),
    };
    Ok(changes.iter().map(state).collect())
}

fn append_one(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    changed: ChangedRow<'_>,
) -> Result<()> {
    let ChangedRow { model, row, before, after, .. } = changed;
    let kind = match (&before, &after) {
        (None, None) => return Ok(()),
        (None, Some(_)) => OperationKind::Create,
        (Some(_), Some(_)) => OperationKind::Update,
        (Some(_), None) => OperationKind::Delete,
    };
    let change = PlannedChange::made(model, kind, row.to_owned());
    let model = engine.models.get(model);
    let writer = RowWriter { engine, who, caused_by: None, claim: None, change: &change, model };
    let mut groups = |row: &Row| row_groups(engine, tx, &who.organization, model, row);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => {
            let groups = groups(&after)?;
            writer.inserted(tx, &after, &groups)?;
        }
        (Some(before), Some(after)) => {
            let groups = GroupChange { before: groups(&before)?, after: groups(&after)? };
            writer.updated(tx, &before, &after, groups)?;
        }
        (Some(before), None) => {
            let groups = groups(&before)?;
            writer.deleted(tx, &before, &groups)?;
        }
    }
    Ok(())
}
