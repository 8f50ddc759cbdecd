//! Sync groups: the groups of a row, and the SQL condition that selects a reader's rows
//! (docs/protocol/commits.md §10).
//!
//! A row belongs to the group of its organisation, to the group that it forms, to the groups that
//! its columns name, and to the groups of its parents. Having written a row does not make it
//! visible.

use super::Engine;
use super::table::{MAX_PARENT_DEPTH, id};
use crate::error::{Result, StoreError};
use crate::identity::{Identity, organization_group};
use crate::models::{Model, RowRole};
use crate::store::sql_template::quoted;
use crate::store::{Dialect, Row, Tx};
use crate::value::{Cell, ValueKind};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the sync groups of a row.
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
    let mut groups = BTreeSet::from([organization_group(organization)]);
    collect(engine, tx, organization, model, row, MAX_PARENT_DEPTH, &mut groups)?;
    Ok(groups)
}

/// How much of a row a reader may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// The reader can see it.
    Visible,
    /// It exists, but the reader cannot see it.
    Hidden,
    /// It does not exist.
    Missing,
}

/// Returns whether a reader can see a row.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn visibility(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    row: &str,
) -> Result<Visibility, StoreError> {
    let found = tx.query(
        &engine.tables.get(model.id).by_id,
        &[who.organization.as_str().into(), row.into()],
    )?;
    let Some(found) = found.first() else { return Ok(Visibility::Missing) };
    let seen = who.sees_all()
        || !who.groups.is_disjoint(&row_groups(engine, tx, &who.organization, model, found)?);
    Ok(if seen { Visibility::Visible } else { Visibility::Hidden })
}

fn collect(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    model: &Model,
    row: &Row,
    depth: usize,
    groups: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    if let Some(kind) = &model.scope {
        groups.insert(format!("{kind}:{}", id(row)));
    }
    for role in &model.roles {
        groups.extend(role_groups(role, row));
    }
    if depth == 0 {
        return Ok(());
    }
    for (column, parent) in &model.parents {
        let Some(Cell::Text(key)) = row.get(*column) else { continue };
        let parent = engine.models.get(*parent);
        let found = tx.query(
            &engine.tables.get(parent.id).by_id,
            &[organization.into(), key.as_str().into()],
        )?;
        if let Some(row) = found.first() {
            collect(engine, tx, organization, parent, row, depth - 1, groups)?;
        }
    }
    Ok(())
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

/// Returns the condition that a reader can see a row, and its parameters, numbered from `first`.
#[must_use]
pub fn visible_to(
    engine: &Engine,
    who: &Identity,
    model: &Model,
    first: usize,
) -> (String, Vec<Cell>) {
    let mut condition = Condition {
        engine,
        dialect: engine.dialect,
        ids: by_kind(&who.groups),
        first,
        values: Vec::new(),
    };
    if who.sees_all() {
        return ("1 = 1".to_owned(), condition.values);
    }
    let text = condition.of(model, MAX_PARENT_DEPTH);
    (text, condition.values)
}

/// Groups the ids by kind, each list as a JSON array.
fn by_kind(groups: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut ids: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (kind, id) in groups.iter().filter_map(|group| group.split_once(':')) {
        ids.entry(kind.to_owned()).or_default().push(id);
    }
    ids.into_iter()
        .map(|(kind, ids)| (kind, serde_json::to_string(&ids).unwrap_or_default()))
        .collect()
}

struct Condition<'e> {
    engine: &'e Engine,
    dialect: Dialect,
    ids: BTreeMap<String, String>,
    first: usize,
    values: Vec<Cell>,
}

impl Condition<'_> {
    /// Returns the disjunction of all ways in which a row can be visible, or [`NEVER`].
    fn of(&mut self, model: &Model, depth: usize) -> String {
        let (table, dialect) = (quoted(&model.table), self.dialect);
        let column = |at: usize| {
            let name = model.columns.get(at).map_or("id", |column| &column.name);
            format!("{table}.{}", quoted(name))
        };
        // Lists contain text; integers and UUIDs are compared as text.
        let text = |at: usize| match (model.columns.get(at).map(|column| &column.kind), dialect) {
            (Some(ValueKind::Text | ValueKind::Enum(_)), _) | (_, Dialect::Sqlite) => column(at),
            (_, Dialect::Postgres) => format!("{}::text", column(at)),
        };
        let mut alternatives = Vec::new();
        if let Some(ids) = model.scope.as_ref().and_then(|kind| self.ids.get(kind).cloned()) {
            alternatives.push(format!("{} IN {}", column(0), self.list(ids)));
        }
        for role in &model.roles {
            let Some(ids) = self.ids.get(&role.kind).cloned() else { continue };
            let list = self.list(ids);
            alternatives.push(match (role.multi, self.dialect) {
                (false, _) => format!("{} IN {list}", text(role.column)),
                (true, Dialect::Sqlite) => {
                    let column = column(role.column);
                    format!(
                        "EXISTS (SELECT 1 FROM json_each(CASE json_type({column}) WHEN 'array' \
                         THEN {column} ELSE '[]' END) AS named WHERE named.type = 'text' AND \
                         named.value IN {list})"
                    )
                }
                (true, Dialect::Postgres) => {
                    let column = column(role.column);
                    format!(
                        "EXISTS (SELECT 1 FROM jsonb_array_elements(CASE jsonb_typeof({column}) \
                         WHEN 'array' THEN {column} ELSE '[]' END) AS named (value) WHERE \
                         jsonb_typeof(named.value) = 'string' AND named.value #>> '{{}}' IN {list})"
                    )
                }
            });
        }
        if depth > 0 {
            for (local, parent) in &model.parents {
                let parent = self.engine.models.get(*parent);
                let parent_condition = self.of(parent, depth - 1);
                if parent_condition != NEVER {
                    let parent_table = quoted(&parent.table);
                    alternatives.push(format!(
                        "{} IN (SELECT \"id\" FROM {parent_table} WHERE {parent_condition})",
                        column(*local)
                    ));
                }
            }
        }
        if alternatives.is_empty() {
            NEVER.to_owned()
        } else {
            format!("({})", alternatives.join(" OR "))
        }
    }

    /// Adds a list of ids as a parameter and returns its expression.
    fn list(&mut self, ids: String) -> String {
        let known = self.values.iter().position(|value| value.text() == Some(&ids));
        let at = known.unwrap_or_else(|| {
            self.values.push(Cell::Text(ids));
            self.values.len() - 1
        });
        self.dialect.placeholder(self.first + at, "list")
    }
}

const NEVER: &str = "1 = 0";
