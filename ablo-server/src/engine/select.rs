//! Selects: a model and a reader come in, the text of a statement grows with its values, rows come out.
//!
//! Every select starts with the rows that the reader may see. Orders are the same in both databases.

use super::Engine;
use super::groups::seen_by;
use super::table;
use crate::error::Result;
use crate::identity::Identity;
use crate::models::{ColumnMapping, Model};
use crate::store::sql_template::DIGITS;
use crate::store::{Dialect, Row, Tx};
use crate::value::{Cell, Kind};

/// A statement that is put together: its conditions, and the values they speak of.
pub(super) struct Select<'e> {
    pub(super) engine: &'e Engine,
    pub(super) model: &'e Model,
    text: String,
    pub(super) values: Vec<Cell>,
}

impl<'e> Select<'e> {
    /// Rows of a model that a reader sees.
    pub(super) fn new(engine: &'e Engine, who: &Identity, model: &'e Model) -> Self {
        let (seen, groups) = seen_by(engine, who, model, 2);
        let mut values: Vec<Cell> = vec![who.organization.as_str().into()];
        values.extend(groups);
        let text = format!("{} AND {seen}", engine.tables.get(model.id).select);
        Self { engine, model, text, values }
    }

    /// Adds a value and gives how it is spelled for a column.
    pub(super) fn value(&mut self, column: usize, cell: Cell) -> String {
        self.values.push(cell);
        table::value(&self.model.columns[column], self.values.len(), self.engine.dialect)
    }

    pub(super) fn name(&self, column: usize) -> String {
        table::name(self.model, column)
    }

    /// A column as text, whatever else it may be: ids and what names them.
    pub(super) fn text(&self, column: usize) -> String {
        match (&self.model.columns[column].kind, self.engine.dialect) {
            (Kind::Text | Kind::OneOf(_), _) | (_, Dialect::Sqlite) => self.name(column),
            (_, Dialect::Postgres) => format!("{}::text", self.name(column)),
        }
    }

    pub(super) fn and(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    /// Orders by a column, then by id; absent values come first.
    pub(super) fn order(&mut self, column: usize, descending: bool) {
        let way = match (descending, self.engine.dialect) {
            (false, Dialect::Sqlite) => "ASC",
            (true, Dialect::Sqlite) => "DESC",
            (false, Dialect::Postgres) => "ASC NULLS FIRST",
            (true, Dialect::Postgres) => "DESC NULLS LAST",
        };
        let (name, id) = (self.name(column), self.name(0));
        let bare = way.split(' ').next().unwrap_or(way);
        self.text.push_str(&match column {
            0 => format!(" ORDER BY {} {bare}", ordered(self.model, 0, &id, self.engine.dialect)),
            _ => format!(
                " ORDER BY {} {way}, {} {bare}",
                ordered(self.model, column, &name, self.engine.dialect),
                ordered(self.model, 0, &id, self.engine.dialect)
            ),
        });
    }

    /// A list of texts as a value.
    pub(super) fn list(&mut self, texts: &[String]) -> String {
        self.values.push(Cell::Text(serde_json::to_string(texts).unwrap_or_default()));
        self.engine.dialect.value(self.values.len(), "list")
    }

    pub(super) fn limit(&mut self, rows: u64) {
        self.text.push_str(&format!(" LIMIT {rows}"));
    }

    pub(super) fn run(self, tx: &mut dyn Tx) -> Result<Vec<Row>> {
        Ok(tx.query(&self.text, &self.values)?)
    }
}

/// Text in one order in both databases, whatever the server's language.
fn collated(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => name.to_owned(),
        Dialect::Postgres => format!("{name} COLLATE \"C\""),
    }
}

/// A column as rows are ordered and compared by it.
pub(super) fn ordered(model: &Model, column: usize, name: &str, dialect: Dialect) -> String {
    if let ColumnMapping::Text(_) = model.columns[column].standing {
        return collated(&format!("{name}::text"), dialect);
    }
    match (&model.columns[column].kind, dialect) {
        (Kind::Text | Kind::OneOf(_), dialect) => collated(name, dialect),
        // Digits are text there.
        (kind, Dialect::Sqlite) if kind.is_digits() => format!("{name} COLLATE {DIGITS}"),
        _ => name.to_owned(),
    }
}

/// `column operator value`.
pub(super) fn compare(
    select: &mut Select<'_>,
    column: usize,
    operator: &str,
    cell: Cell,
) -> String {
    let (name, dialect) = (select.name(column), select.engine.dialect);
    let value = select.value(column, cell);
    match operator {
        "=" | "<>" if !select.model.columns[column].kind.is_digits() => {
            format!("{name} {operator} {value}")
        }
        _ => format!(
            "{} {operator} {}",
            ordered(select.model, column, &name, dialect),
            ordered(select.model, column, &value, dialect)
        ),
    }
}
