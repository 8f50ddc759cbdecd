//! Sync groups of rows (docs/protocol/commits.md §10).
//!
//! A row belongs to the group of its organisation, to the group that it forms, to the groups that
//! its columns name, and to the groups of its parents. Having written a row does not make it
//! visible.

use super::Engine;
use crate::error::StoreError;
use crate::identity::organization_group;
use crate::models::row::id;
use crate::models::{MAX_PARENT_DEPTH, Model, Models, RowRole};
use crate::store::Tx;
use crate::store::rows::{RowSet, parent_keys};
use crate::store::tables::sessions::Session;
use crate::value::{Cell, Row};
use std::collections::BTreeSet;

/// Returns the sync groups of a row whose parents were looked up.
pub(crate) fn groups_of(
    models: &Models,
    known: &RowSet,
    organization: &str,
    model: &Model,
    row: &Row,
) -> BTreeSet<String> {
    let mut groups = BTreeSet::from([organization_group(organization)]);
    collect(models, known, model, row, MAX_PARENT_DEPTH, &mut groups);
    groups
}

/// Looks up the parents of a row and returns its sync groups.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn row_groups(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    model: &Model,
    row: &Row,
) -> Result<BTreeSet<String>, StoreError> {
    let known = engine.rows().with_parents(tx, organization, parent_keys(model, row))?;
    Ok(groups_of(&engine.models, &known, organization, model, row))
}

/// Looks up the groups of the rows that sessions report to work on.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn locate_activities(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    sessions: impl IntoIterator<Item = Session>,
) -> Result<Vec<Session>, StoreError> {
    let mut located: Vec<Session> = sessions.into_iter().collect();
    for session in &mut located {
        let Some(activity) = &session.report.activity else { continue };
        // An application may report work on something that is no row.
        let Some(model) = engine.models.find(&activity.entity_type) else { continue };
        let row = engine.rows().find(tx, organization, model, activity.entity_id.as_str())?;
        session.activity_groups = Some(match row {
            Some(row) => row_groups(engine, tx, organization, model, &row)?,
            None => BTreeSet::new(),
        });
    }
    Ok(located)
}

/// Returns whether the columns that decide the groups of a row are equal in two rows.
pub(crate) fn same_groups(model: &Model, one: &Row, other: &Row) -> bool {
    let scope = model.scope.iter().map(|_| 0);
    let roles = model.roles.iter().map(|role| role.column);
    let parents = model.parents.iter().map(|(column, _)| *column);
    scope.chain(roles).chain(parents).all(|at| one.get(at) == other.get(at))
}

fn collect(
    models: &Models,
    known: &RowSet,
    model: &Model,
    row: &Row,
    depth: usize,
    groups: &mut BTreeSet<String>,
) {
    if let Some(kind) = &model.scope {
        groups.insert(format!("{kind}:{}", id(row)));
    }
    for role in &model.roles {
        groups.extend(role_groups(role, row));
    }
    if depth == 0 {
        return;
    }
    for (parent, key) in parent_keys(model, row) {
        if let Some(row) = known.get(parent, &key) {
            collect(models, known, models.get(parent), row, depth - 1, groups);
        }
    }
}

/// Returns the groups that a column of a row names.
fn role_groups(role: &RowRole, row: &Row) -> Vec<String> {
    let text = match row.get(role.column) {
        Some(Cell::Text(text)) => text,
        Some(Cell::Integer(number)) => return vec![format!("{}:{number}", role.kind)],
        _ => return Vec::new(),
    };
    if !role.multi {
        return vec![format!("{}:{text}", role.kind)];
    }
    let values: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    values.iter().filter_map(|value| Some(format!("{}:{}", role.kind, value.as_str()?))).collect()
}
