//! The condition that selects the rows that a reader may see (docs/protocol/commits.md §10).

use super::{Rows, table};
use crate::identity::Identity;
use crate::models::{ColumnMapping, MAX_PARENT_DEPTH, Model};
use crate::store::Dialect;
use crate::store::sql_template::{Expressions as _, quoted};
use crate::value::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the condition that a reader can see a row, and its parameters, numbered from `first`;
/// `None` if no row of the model can be visible. The organisation is parameter 1.
pub(super) fn visible_to(
    rows: Rows<'_>,
    who: &Identity,
    model: &Model,
    first: usize,
) -> Option<(String, Vec<Cell>)> {
    let mut condition = Visible {
        rows,
        dialect: rows.tables.dialect(),
        ids: by_kind(&who.groups),
        first,
        values: Vec::new(),
    };
    if who.sees_all() {
        return Some(("1 = 1".to_owned(), condition.values));
    }
    let text = condition.of(model, MAX_PARENT_DEPTH);
    (text != NEVER).then_some((text, condition.values))
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

struct Visible<'r> {
    rows: Rows<'r>,
    dialect: Dialect,
    ids: BTreeMap<String, String>,
    first: usize,
    values: Vec<Cell>,
}

impl Visible<'_> {
    /// Returns the disjunction of all ways in which a row can be visible, or [`NEVER`].
    fn of(&mut self, model: &Model, depth: usize) -> String {
        let (table, dialect) = (quoted(&model.table), self.dialect);
        let column = |at: usize| format!("{table}.{}", quoted(model.column_db_name(at)));
        // Lists contain text; integers and UUIDs are compared as text.
        let text = |at: usize| table::text_expr(model, at, dialect);
        let mut alternatives = Vec::new();
        if let Some(ids) = model.scope.as_ref().and_then(|kind| self.ids.get(kind).cloned()) {
            alternatives.push(self.has_id(model, ids));
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
                    let mut column = column(role.column);
                    let mapping = model.columns.get(role.column).map(|column| &column.mapping);
                    if mapping.is_some_and(|mapping| *mapping != ColumnMapping::Exact) {
                        column = format!("to_jsonb({column})");
                    }
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
                let parent = self.rows.models.get(*parent);
                let parent_condition = self.of(parent, depth - 1);
                if parent_condition != NEVER {
                    let table = quoted(&parent.table);
                    // Another organisation may have a parent with the same id.
                    let tenancy = &self.rows.tables.get(parent.id).tenancy;
                    alternatives.push(format!(
                        "{} IN (SELECT \"id\" FROM {table} WHERE {tenancy} AND \
                         {parent_condition})",
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

    /// Returns the condition that a row has one of the ids. An index of a declared type serves only
    /// comparisons of that type.
    fn has_id(&mut self, model: &Model, ids: String) -> String {
        let own = table::column_name(model, 0);
        let Some(column) = model.columns.first().filter(|column| column.native.is_some()) else {
            return format!("{own} IN {}", self.list(ids));
        };
        let mut held: Vec<String> = serde_json::from_str(&ids).unwrap_or_default();
        held.retain(|id| column.can_hold(&Cell::from(id.as_str())));
        let number = self.parameter(serde_json::to_string(&held).unwrap_or_default());
        format!("{own} {}", table::among(column, number, self.dialect))
    }

    /// Adds a list of ids as a parameter and returns its expression.
    fn list(&mut self, ids: String) -> String {
        let number = self.parameter(ids);
        self.dialect.placeholder(number, "list")
    }

    /// Adds a list of ids as a parameter and returns its number.
    fn parameter(&mut self, ids: String) -> usize {
        let known = self.values.iter().position(|value| value.text() == Some(&ids));
        let at = known.unwrap_or_else(|| {
            self.values.push(Cell::Text(ids));
            self.values.len() - 1
        });
        self.first + at
    }
}

const NEVER: &str = "1 = 0";
