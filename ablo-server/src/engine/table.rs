//! The SQL of one model: its rows read and written, always within one organisation.
//!
//! Built once for each model and database. Every text names columns through `quoted` and values through marks; the
//! organisation is always the first value, and the condition that holds rows to it is part of every text, so that isolation
//! does not depend on the database having row security.

use crate::models::{Column, ColumnMapping, Model, ModelId, Models, Part, Tenancy};
use crate::store::sql_template::quoted;
use crate::store::{Dialect, Row};
use crate::value::{Kind, string};
use std::fmt::Write as _;

/// How deep parents are followed: a cycle of parents is legal, and ends here.
pub const DEPTH: usize = 8;

/// The SQL of one model.
#[derive(Debug)]
pub struct Table {
    /// `SELECT … FROM … WHERE <organisation is {1}>`
    pub select: String,
    /// The row with the id {2}.
    pub by_id: String,
    /// Adds a row: its columns in order.
    pub insert: String,
    /// Deletes the row with the id {2}.
    pub delete: String,
    /// The condition that holds rows to the organisation {1}.
    pub own: String,
    /// The condition that a row has the id {2}.
    is_named: String,
    name: String,
    dialect: Dialect,
}

/// The SQL of all models.
#[derive(Debug)]
pub struct Tables(Vec<Table>);

impl Tables {
    /// Writes the SQL of a schema's models.
    #[must_use]
    pub fn new(models: &Models, dialect: Dialect) -> Self {
        Self(models.iter().map(|model| Table::new(models, model, dialect)).collect())
    }

    /// The SQL of a model.
    #[must_use]
    pub fn get(&self, id: ModelId) -> &Table {
        // One for each model, in their order.
        &self.0[id.index()]
    }
}

impl Table {
    fn new(models: &Models, model: &Model, dialect: Dialect) -> Self {
        let name = quoted(&model.table);
        let own = own(models, model, dialect, DEPTH);
        let columns: Vec<String> =
            model.columns.iter().map(|column| read(column, dialect)).collect();
        let select = format!("SELECT {} FROM {name} WHERE {own}", columns.join(", "));
        let names: Vec<String> = model.columns.iter().map(|column| quoted(&column.name)).collect();
        let values =
            model.columns.iter().enumerate().map(|(at, column)| value(column, at + 1, dialect));
        let is_named = format!(
            "{} = {}",
            self::name(model, 0),
            model.columns.first().map_or_else(String::new, |id| value(id, 2, dialect))
        );
        Self {
            by_id: format!("{select} AND {is_named}"),
            insert: format!(
                "INSERT INTO {name} ({}) VALUES ({})",
                names.join(", "),
                values.collect::<Vec<_>>().join(", ")
            ),
            delete: format!("DELETE FROM {name} WHERE {own} AND {is_named}"),
            is_named,
            select,
            own,
            name,
            dialect,
        }
    }

    /// Sets these columns of the row with the id {2}: values from {3} on.
    #[must_use]
    pub fn update(&self, model: &Model, columns: &[usize]) -> String {
        let mut out = format!("UPDATE {} SET ", self.name);
        for (at, column) in columns.iter().filter_map(|at| model.columns.get(*at)).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            // Writing into a string fails never.
            let _ = write!(
                out,
                "{comma}{} = {}",
                quoted(&column.name),
                value(column, at + 3, self.dialect)
            );
        }
        let _ = write!(out, " WHERE {} AND {}", self.own, self.is_named);
        out
    }

    /// Adds a row with values for these columns, and gives its id.
    #[must_use]
    pub fn insert_some(&self, model: &Model, columns: &[usize]) -> String {
        let given = || columns.iter().filter_map(|at| model.columns.get(*at));
        let names: Vec<String> = given().map(|column| quoted(&column.name)).collect();
        let values: Vec<String> =
            given().enumerate().map(|(at, column)| value(column, at + 1, self.dialect)).collect();
        let id =
            model.columns.first().map_or_else(String::new, |column| read(column, self.dialect));
        let (table, names, values) = (&self.name, names.join(", "), values.join(", "));
        match columns.is_empty() {
            true => format!("INSERT INTO {table} DEFAULT VALUES RETURNING {id}"),
            false => format!("INSERT INTO {table} ({names}) VALUES ({values}) RETURNING {id}"),
        }
    }

    /// The rows with the ids in the list {2}, a JSON array of texts.
    #[must_use]
    pub fn among(&self, model: &Model) -> String {
        let list = self.dialect.value(2, "list");
        let list = match (model.columns.first().map(|id| (&id.kind, &id.standing)), self.dialect) {
            (Some((_, ColumnMapping::Text(actual))), Dialect::Postgres) => {
                format!("(SELECT l::{actual} FROM {list} AS l (l))")
            }
            (Some((Kind::Uuid, _)), Dialect::Postgres) => {
                format!("(SELECT l::uuid FROM {list} AS l (l))")
            }
            _ => list,
        };
        format!("{} AND {} IN {list}", self.select, name(model, 0))
    }

    /// The ids of rows of this model that live in the row {2} by this column.
    #[must_use]
    pub fn children(&self, model: &Model, column: usize) -> String {
        let name = model.columns.get(column).map_or("id", |column| &column.name);
        format!("{} AND {} = {}", self.select, quoted(name), self.dialect.value(2, ""))
    }
}

/// A column as it is read.
pub fn read(column: &Column, dialect: Dialect) -> String {
    let name = quoted(&column.name);
    match &column.standing {
        ColumnMapping::Absent if dialect == Dialect::Postgres => "NULL::text".to_owned(),
        ColumnMapping::Absent => "NULL".to_owned(),
        ColumnMapping::Made => dialect.read(&name, form(&column.kind)).into_owned(),
        ColumnMapping::Text(_) => format!("{name}::text"),
        ColumnMapping::As { read, .. } => format!("{name}::{read}"),
        ColumnMapping::Local(_) => {
            dialect.read(&format!("({name}::timestamp AT TIME ZONE 'UTC')"), "date").into_owned()
        }
    }
}

/// A value as a column is given it.
pub fn value(column: &Column, number: usize, dialect: Dialect) -> String {
    match &column.standing {
        ColumnMapping::Made | ColumnMapping::Absent => dialect.value(number, form(&column.kind)),
        ColumnMapping::Text(actual) => format!("${number}::text::{actual}"),
        ColumnMapping::As { read, actual } => format!("${number}::{read}::{actual}"),
        ColumnMapping::Local(actual) => {
            format!("(${number}::text::timestamptz AT TIME ZONE 'UTC')::{actual}")
        }
    }
}

/// How a value travels that a driver does not carry as it is.
fn form(kind: &Kind) -> &'static str {
    match kind {
        Kind::Date => "date",
        Kind::Json => "json",
        Kind::Uint64 | Kind::Decimal(_) => "numeric",
        Kind::Uuid => "uuid",
        Kind::Text
        | Kind::OneOf(_)
        | Kind::Number
        | Kind::Single
        | Kind::Boolean
        | Kind::Whole(..)
        | Kind::Int64 => "",
    }
}

/// The condition that a row is the organisation's {1}.
fn own(models: &Models, model: &Model, dialect: Dialect, depth: usize) -> String {
    let organization = dialect.value(1, "");
    // The value is spoken of even where all rows are everyone's, so that every text takes the same values.
    let named = format!(
        "{} IS NOT NULL",
        if dialect == Dialect::Postgres {
            format!("{organization}::text")
        } else {
            organization.clone()
        }
    );
    match &model.tenancy {
        Tenancy::Shared => named,
        Tenancy::Closed => format!("{named} AND 1 = 0"),
        Tenancy::Column(at) => format!("{} = {organization}", name(model, *at)),
        Tenancy::Parent { .. } if depth == 0 => format!("{named} AND 1 = 0"),
        Tenancy::Parent { local_key, parent, key } => {
            let parent = models.get(*parent);
            let within = own(models, parent, dialect, depth - 1);
            let (key, table) = (name(parent, *key), quoted(&parent.table));
            format!("{} IN (SELECT {key} FROM {table} WHERE {within})", name(model, *local_key))
        }
        Tenancy::Elsewhere { local_key, table, key, owner } => format!(
            "{} IN (SELECT {} FROM {} WHERE {} = {organization})",
            name(model, *local_key),
            quoted(key),
            quoted(table),
            quoted(owner)
        ),
    }
}

/// A column with its table, since a parent may have one of the same name.
pub fn name(model: &Model, column: usize) -> String {
    match model.columns.get(column) {
        Some(Column { standing: ColumnMapping::Absent, .. }) | None => "NULL".to_owned(),
        Some(column) => format!("{}.{}", quoted(&model.table), quoted(&column.name)),
    }
}

/// A row as clients see it: one JSON object, camelCase, all columns.
#[must_use]
pub fn json(model: &Model, row: &Row) -> String {
    let mut out = String::with_capacity(32 * row.len());
    members(model, row, &mut out);
    out.push('}');
    out
}

/// The members of a row, without the closing brace.
pub fn members(model: &Model, row: &Row, out: &mut String) {
    out.push('{');
    let there = |column: &Column| column.standing != ColumnMapping::Absent;
    for (at, (column, cell)) in
        model.columns.iter().zip(row).filter(|(column, _)| there(column)).enumerate()
    {
        if at > 0 {
            out.push(',');
        }
        string(&column.member, out);
        out.push(':');
        column.kind.write(cell, out);
    }
}

/// The row's own id.
#[must_use]
pub fn id(row: &Row) -> &str {
    row.first().and_then(crate::value::Cell::text).unwrap_or_default()
}

/// What this part of the coordinator wrote into a row.
#[must_use]
pub fn part<'r>(model: &Model, row: &'r Row, part: Part) -> Option<&'r str> {
    row.get(model.part(part)?)?.text()
}
