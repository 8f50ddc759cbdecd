//! Builds SELECT statements that return only rows that the reader may see, sorted the same way in
//! both databases.

use super::query::{Comparison, Position, RowQuery};
use super::visibility::visible_to;
use super::{Rows, table};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::models::{Column, ColumnMapping, Model};
use crate::store::sql_template::{DECIMAL_COLLATION, Expressions as _, json_list};
use crate::store::{Dialect, Tx};
use crate::value::{Cell, Row, ValueKind};
use ablo_schema::schema::{ColumnType, ScalarType};

impl RowQuery<'_> {
    /// Runs the query.
    pub(crate) fn run(&self, rows: Rows<'_>, tx: &mut Tx<'_>) -> Result<Vec<Row>, StoreError> {
        let Some(mut select) = Select::new(rows, self.reader, self.model) else {
            return Ok(Vec::new());
        };
        for condition in &self.conditions {
            select.condition(condition);
        }
        let (column, descending) = self.order.unwrap_or((0, false));
        if let Some(position) = &self.after {
            select.after(column, descending, position);
        }
        if self.order.is_some() {
            select.order(column, descending);
        }
        if let Some(limit) = self.limit {
            select.limit(limit);
        }
        select.run(tx)
    }
}

/// A statement under construction, with its parameters.
pub(super) struct Select<'e> {
    pub(super) dialect: Dialect,
    pub(super) model: &'e Model,
    text: String,
    values: Vec<Cell>,
}

impl<'e> Select<'e> {
    /// Starts a SELECT of the visible rows of a model, or returns `None` if there cannot be any.
    pub(super) fn new(rows: Rows<'_>, who: &Identity, model: &'e Model) -> Option<Self> {
        let (visible, groups) = visible_to(rows, who, model, 2)?;
        let mut values: Vec<Cell> = vec![who.organization.as_str().into()];
        values.extend(groups);
        let text = format!("{} AND {visible}", rows.tables.get(model.id).select);
        Some(Self { dialect: rows.tables.dialect(), model, text, values })
    }

    /// Adds a parameter and returns its expression for a column.
    pub(super) fn bind(&mut self, column: usize, cell: Cell) -> String {
        self.values.push(cell);
        table::placeholder(&self.model.columns[column], self.values.len(), self.dialect)
    }

    /// Adds a text as a parameter and returns its expression.
    pub(super) fn bind_text(&mut self, cell: Cell) -> String {
        self.values.push(cell);
        self.dialect.placeholder(self.values.len(), "")
    }

    pub(super) fn column_name(&self, column: usize) -> String {
        table::column_name(self.model, column)
    }

    /// Returns a column as text, as ids and references are compared.
    pub(super) fn text_expr(&self, column: usize) -> String {
        table::text_expr(self.model, column, self.dialect)
    }

    pub(super) fn and(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    /// Sorts by a column, then by id; NULL sorts first.
    pub(super) fn order(&mut self, column: usize, descending: bool) {
        let direction = match (descending, self.dialect) {
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
                sort_expr(self.model, 0, &id, self.dialect)
            ),
            _ => format!(
                " ORDER BY {} {direction}, {} {plain_direction}",
                sort_expr(self.model, column, &name, self.dialect),
                sort_expr(self.model, 0, &id, self.dialect)
            ),
        });
    }

    /// Adds a list of strings as a parameter and returns its number.
    pub(super) fn bind_texts(&mut self, texts: &[&String]) -> usize {
        self.values.push(json_list(texts));
        self.values.len()
    }

    /// Adds a list of strings as a parameter and returns its expression.
    pub(super) fn bind_list(&mut self, texts: &[String]) -> String {
        self.values.push(json_list(texts));
        self.dialect.placeholder(self.values.len(), "list")
    }

    pub(super) fn limit(&mut self, rows: u64) {
        self.text.push_str(&format!(" LIMIT {rows}"));
    }

    pub(super) fn run(self, tx: &mut Tx<'_>) -> Result<Vec<Row>, StoreError> {
        tx.query(&self.text, &self.values)
    }
}

/// Sorts text by bytes in both databases, whatever the collation of the server.
fn collated(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => name.to_owned(),
        Dialect::Postgres => format!("{name} COLLATE \"C\""),
    }
}

/// Returns whether values of a declared type are ordered by the bytes of their text; those of other
/// types are ordered as the server orders the type.
fn is_lettered(scalar: ScalarType) -> bool {
    scalar.is_text()
        || matches!(scalar, ScalarType::Char(_) | ScalarType::Citext | ScalarType::Name)
}

/// Returns the expression by which a column is sorted and compared.
pub(super) fn sort_expr(model: &Model, column: usize, name: &str, dialect: Dialect) -> String {
    let Column { mapping, native, .. } = &model.columns[column];
    if let (ColumnMapping::AsText(_), Dialect::Postgres) = (mapping, dialect) {
        return match native.as_ref().and_then(ColumnType::scalar) {
            Some(scalar) if !is_lettered(scalar) => name.to_owned(),
            _ => collated(&format!("{name}::text"), dialect),
        };
    }
    if let (ColumnMapping::Base64, Dialect::Postgres) = (mapping, dialect) {
        return name.to_owned();
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

impl Comparison {
    fn sql(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

impl Select<'_> {
    /// Returns the condition that a column compares so with a value.
    pub(super) fn compare(&mut self, column: usize, operator: Comparison, cell: Cell) -> String {
        let (name, dialect) = (self.column_name(column), self.dialect);
        let (value, sql) = (self.bind(column, cell), operator.sql());
        match operator {
            Comparison::Equal | Comparison::NotEqual
                if !self.model.columns[column].kind.is_numeric_text() =>
            {
                format!("{name} {sql} {value}")
            }
            _ => format!(
                "{} {sql} {}",
                sort_expr(self.model, column, &name, dialect),
                sort_expr(self.model, column, &value, dialect)
            ),
        }
    }

    /// Adds the condition that rows come after a position in the order.
    pub(super) fn after(&mut self, column: usize, descending: bool, position: &Position) {
        let (operator, dialect) = (if descending { "<" } else { ">" }, self.dialect);
        let id = self.bind(0, Cell::Text(position.id.clone()));
        let (own, id) = (self.column_name(0), sort_expr(self.model, 0, &id, dialect));
        let id_beyond = format!("{} {operator} {id}", sort_expr(self.model, 0, &own, dialect));
        if column == 0 {
            return self.and(&id_beyond);
        }
        let name = self.column_name(column);
        if position.value == Cell::Null {
            // NULL sorts first, or last in descending order.
            let rest = if descending { String::new() } else { format!(" OR {name} IS NOT NULL") };
            return self.and(&format!("(({name} IS NULL AND {id_beyond}){rest})"));
        }
        let value = self.bind(column, position.value.clone());
        let name_ordered = sort_expr(self.model, column, &name, dialect);
        let value = sort_expr(self.model, column, &value, dialect);
        let absent = if descending { format!(" OR {name} IS NULL") } else { String::new() };
        self.and(&format!(
            "({name_ordered} {operator} {value} OR ({name_ordered} = {value} AND \
             {id_beyond}){absent})"
        ));
    }
}
