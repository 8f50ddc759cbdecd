//! Loads what the decision on a set of commits depends on.

use super::{State, Submission};
use crate::engine::Engine;
use crate::engine::change::{OperationKind, PlannedChange};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::models::ModelId;
use crate::models::new_row::RowOrigin;
use crate::store::Tx;
use crate::store::tables::{OwnKey, claims, log, log_bounds, operations, receipts, turns};
use crate::value::{Cell, stored_date};
use std::collections::{BTreeMap, BTreeSet};

/// Loads the receipts, rows, claims, turns and deltas that a set of commits refers to.
pub(in crate::engine) fn load(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    submissions: &[Submission<'_>],
) -> Result<State, StoreError> {
    let mut state = State { now: stored_date(tx.now()), ..State::default() };
    load_receipts(tx, organization, submissions, &mut state)?;
    let is_open = |submission: &&Submission<'_>| {
        let key = OwnKey::new(submission.who, &submission.commit.client_tx_id);
        !state.receipts.contains_key(&key)
    };
    let open: Vec<&Submission<'_>> = submissions.iter().filter(is_open).collect();
    if open.is_empty() {
        return Ok(state);
    }
    for Submission { who, commit } in &open {
        if let Some(turn) = &commit.caused_by
            && let Some(found) = turns::find(tx, organization, turn)?
        {
            state.turns.insert(turn.clone(), found);
        }
        if let Some(claim) = commit.claim.named()
            && let Some(found) = claims::find(tx, who, claim)?
        {
            state.claims.insert(OwnKey::new(who, claim), found);
        }
    }
    load_operations(tx, organization, &open, &mut state)?;
    load_rows(engine, tx, organization, &open, &mut state)?;
    let changes: Vec<&PlannedChange> =
        open.iter().flat_map(|submission| &submission.commit.changes).collect();
    load_log(engine, tx, organization, &changes, &mut state)?;
    Ok(state)
}

/// Loads the receipts of commits that were applied before.
fn load_receipts(
    tx: &mut Tx<'_>,
    organization: &str,
    submissions: &[Submission<'_>],
    state: &mut State,
) -> Result<(), StoreError> {
    let own = |it: &Submission<'_>| OwnKey::new(it.who, &it.commit.client_tx_id);
    // Most commits come alone, and the look-up of one key is faster.
    if let [only] = submissions {
        let found = receipts::find(tx, only.who, &only.commit.client_tx_id)?;
        state.receipts.extend(found.map(|receipt| (own(only), receipt)));
    } else {
        let keys = submissions.iter().map(own).collect();
        state.receipts = receipts::find_all(tx, organization, &keys)?;
    }
    Ok(())
}

/// Loads the operations that were applied before.
fn load_operations(
    tx: &mut Tx<'_>,
    organization: &str,
    open: &[&Submission<'_>],
    state: &mut State,
) -> Result<(), StoreError> {
    let changes = open.iter().flat_map(|submission| {
        submission.commit.changes.iter().map(|change| (submission.who, change))
    });
    let named: Vec<(&Identity, &str)> =
        changes.filter_map(|(who, change)| Some((who, change.transaction.as_deref()?))).collect();
    match named.as_slice() {
        [] => {}
        [(who, transaction)] => {
            let found = operations::find(tx, who, transaction)?;
            let key = OwnKey::new(who, transaction);
            state.operations.extend(found.map(|operation| (key, operation)));
        }
        named => {
            let keys = named.iter().map(|(who, transaction)| OwnKey::new(who, transaction));
            state.operations = operations::find_all(tx, organization, &keys.collect())?;
        }
    }
    Ok(())
}

/// Loads the rows that the changes write, those that become their parents, and the holders of
/// claims.
fn load_rows(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    open: &[&Submission<'_>],
    state: &mut State,
) -> Result<(), StoreError> {
    let mut wanted = BTreeSet::new();
    let mut claimed: BTreeMap<ModelId, BTreeSet<&str>> = BTreeMap::new();
    lock_rows(engine, tx, organization, open)?;
    let changes = open.iter().flat_map(|submission| {
        submission.commit.changes.iter().map(|change| (submission.who, change))
    });
    for (who, change) in changes {
        let model = engine.models.get(change.model);
        wanted.insert((change.model, change.id.clone()));
        let origin = RowOrigin {
            id: &change.id,
            organization,
            participant: &who.participant,
            now: &state.now,
        };
        for (column, parent) in &model.parents {
            let given = change.cells.iter().find(|(at, _)| at == column);
            let is_new = change.kind == OperationKind::Create;
            // The coordinator fills some columns of new rows, which can name a parent, too.
            let filled = || is_new.then(|| origin.cell(model.new_value(*column))).flatten();
            let cell = given.map(|(_, cell)| cell.clone()).or_else(filled);
            wanted.extend(cell.and_then(Cell::into_text).map(|key| (*parent, key)));
        }
        if !change.bypass_claims {
            claimed.entry(change.model).or_default().insert(&change.id);
        }
    }
    state.rows = engine.rows().with_parents(tx, organization, wanted)?;
    for (model, rows) in claimed {
        let key = &engine.models.get(model).key;
        let rows: Vec<&str> = rows.into_iter().collect();
        for claim in claims::holders(tx, organization, key, &rows, &state.now)? {
            state.holders.insert((model, claim.row.clone()), claim);
        }
    }
    Ok(())
}

/// Locks the rows whose new values are computed from the ones that are read.
fn lock_rows(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    open: &[&Submission<'_>],
) -> Result<(), StoreError> {
    let changes = open.iter().flat_map(|submission| &submission.commit.changes);
    let relative = changes.filter(|change| !change.relative.is_empty());
    // In this order in every transaction, so that none waits for another in a circle.
    let rows: BTreeSet<_> = relative.map(|change| (change.model, change.id.as_str())).collect();
    for (model, id) in rows {
        engine.rows().lock(tx, organization, engine.models.get(model), id)?;
    }
    Ok(())
}

/// Loads the changes that guards ask for, and the last changes of rows that exist already.
fn load_log(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    changes: &[&PlannedChange],
    state: &mut State,
) -> Result<(), StoreError> {
    let mut guarded: BTreeMap<ModelId, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for change in changes {
        let model = engine.models.get(change.model);
        if let Some(after) = change.stale_guard {
            let (first, rows) =
                guarded.entry(change.model).or_insert_with(|| (after, BTreeSet::new()));
            *first = after.min(*first);
            rows.insert(&change.id);
        }
        if change.kind == OperationKind::Create
            && state.rows.get(change.model, &change.id).is_some()
            && let Some(last) = log::last_change(tx, organization, &model.type_name, &change.id)?
        {
            state.last_changes.insert((change.model, change.id.clone()), last);
        }
    }
    if !guarded.is_empty() {
        state.head = Some(log::head(tx, organization)?);
        state.deleted_to = log_bounds::deleted_to(tx, organization)?;
    }
    for (model, (after, rows)) in guarded {
        let name = &engine.models.get(model).type_name;
        let rows: Vec<&str> = rows.into_iter().collect();
        for change in log::changes_since(tx, organization, name, &rows, after)? {
            state.changes.entry((model, change.row.clone())).or_default().push(change);
        }
    }
    Ok(())
}
