//! Builds SELECT statements that return only rows that the reader may see, sorted the same way in
//! both databases.

use super::Engine;
use super::groups::visible_to;
use super::table;
use crate::error::Result;
use crate::identity::Identity;
use crate::models::{ColumnMapping, Model};
use crate::store::sql_template::DECIMAL_COLLATION;
use crate::store::{Dialect, Row, Tx};
use crate::value::{Cell, ValueKind};

/// A statement under construction, with its parameters.
pub(super) struct Select<'e> {
    pub(super) engine: &'e Engine,
    pub(super) model: &'e Model,
    text: String,
    pub(super) values: Vec<Cell>,
}

impl<'e> Select<'e> {
    /// Starts a SELECT of the visible rows of a model.
    pub(super) fn new(engine: &'e Engine, who: &Identity, model: &'e Model) -> Self {
        let (visible, groups) = visible_to(engine, who, model, 2);
        let mut values: Vec<Cell> = vec![who.organization.as_str().into()];
        values.extend(groups);
        let text = format!("{} AND {visible}", engine.tables.get(model.id).select);
        Self { engine, model, text, values }
    }

    /// Adds a parameter and returns its expression for a column.
    pub(super) fn bind(&mut self, column: usize, cell: Cell) -> String {
        self.values.push(cell);
        table::placeholder(&self.model.columns[column], self.values.len(), self.engine.dialect)
    }

    pub(super) fn column_name(&self, column: usize) -> String {
        table::column_name(self.model, column)
    }

    /// Returns a column as text, as ids and references are compared.
    pub(super) fn text_expr(&self, column: usize) -> String {
        match (&self.model.columns[column].kind, self.engine.dialect) {
            (ValueKind::Text | ValueKind::Enum(_), _) | (_, Dialect::Sqlite) => {
                self.column_name(column)
            }
            (_, Dialect::Postgres) => format!("{}::text", self.column_name(column)),
        }
    }

    pub(super) fn and(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    /// Sorts by a column, then by id; NULL sorts first.
    pub(super) fn order(&mut self, column: usize, descending: bool) {
        let direction = match (descending, self.engine.dialect) {
            (false, Dialect::Sqlite) => "ASC",
            (true, Dialect::Sqlite) => "DESC",
            (false, Dialect::Postgres) => "ASC NULLS FIRST",
            (true, Dialect::Postgres) => "DESC NULLS LAST",
        };
        let (name, id) = (self.column_name(column), self.column_name(0));
        let plain_direction = direction.split(' ').next().unwrap_or(direction);
        self.text.push_str(&match column {
            0 => format!(
                " ORDER BY {} {plain_direction}",
                sort_expr(self.model, 0, &id, self.engine.dialect)
            ),
            _ => format!(
                " ORDER BY {} {direction}, {} {plain_direction}",
                sort_expr(self.model, column, &name, self.engine.dialect),
                sort_expr(self.model, 0, &id, self.engine.dialect)
            ),
        });
    }

    /// Adds a list of strings as a parameter and returns its expression.
    pub(super) fn bind_list(&mut self, texts: &[String]) -> String {
        self.values.push(Cell::Text(serde_json::to_string(texts).unwrap_or_default()));
        self.engine.dialect.placeholder(self.values.len(), "list")
    }

    pub(super) fn limit(&mut self, rows: u64) {
        self.text.push_str(&format!(" LIMIT {rows}"));
    }

    pub(super) fn run(self, tx: &mut Tx<'_>) -> Result<Vec<Row>> {
        Ok(tx.query(&self.text, &self.values)?)
    }
}

/// Sorts text by bytes in both databases, whatever the collation of the server.
fn collated(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => name.to_owned(),
        Dialect::Postgres => format!("{name} COLLATE \"C\""),
    }
}

/// Returns the expression by which a column is sorted and compared.
pub(super) fn sort_expr(model: &Model, column: usize, name: &str, dialect: Dialect) -> String {
    if let ColumnMapping::AsText(_) = model.columns[column].mapping {
        return collated(&format!("{name}::text"), dialect);
    }
    match (&model.columns[column].kind, dialect) {
        (ValueKind::Text | ValueKind::Enum(_), dialect) => collated(name, dialect),
        // SQLite stores these numbers as text.
        (kind, Dialect::Sqlite) if kind.is_numeric_text() => {
            format!("{name} COLLATE {DECIMAL_COLLATION}")
        }
        _ => name.to_owned(),
    }
}

/// Returns the condition `column operator value`.
pub(super) fn compare(
    select: &mut Select<'_>,
    column: usize,
    operator: &str,
    cell: Cell,
) -> String {
    let (name, dialect) = (select.column_name(column), select.engine.dialect);
    let value = select.bind(column, cell);
    match operator {
        "=" | "<>" if !select.model.columns[column].kind.is_numeric_text() => {
            format!("{name} {operator} {value}")
        }
        _ => format!(
            "{} {operator} {}",
            sort_expr(select.model, column, &name, dialect),
            sort_expr(select.model, column, &value, dialect)
        ),
    }
}
