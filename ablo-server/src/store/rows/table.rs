//! The SQL of one model, always restricted to one organisation.
//!
//! Built once per model and dialect. The organisation is always parameter 1, and every statement
//! contains the tenancy condition, so isolation does not depend on row security in the database.

use crate::models::{Column, ColumnMapping, MAX_PARENT_DEPTH, Model, ModelId, Models, Tenancy};
use crate::store::Dialect;
use crate::store::sql_template::{Expressions as _, quoted};
use crate::value::ValueKind;
use std::fmt::Write as _;

/// The date of rows whose table has none.
const EPOCH: &str = "timestamptz 'epoch'";

/// The SQL of one model.
#[derive(Debug)]
pub(crate) struct Table {
    /// `SELECT … FROM … WHERE <tenancy condition>`
    pub(crate) select: String,
    /// Selects the row with the id `{2}`.
    pub(crate) by_id: String,
    /// Inserts a row and returns it; the parameters are the columns that the table has, in order.
    pub(crate) insert: String,
    /// Whether a written row has to be read again to see that it belongs to the organisation.
    pub(crate) tenancy_follows_rows: bool,
    /// Deletes the row with the id `{2}`.
    pub(crate) delete: String,
    /// The condition that a row belongs to the organisation `{1}`.
    pub(crate) tenancy: String,
    /// The condition that a row has the id `{2}`.
    has_id: String,
    name: String,
    /// The expressions that read all columns.
    columns: String,
    dialect: Dialect,
}

/// The SQL of all models.
#[derive(Debug)]
pub(crate) struct Tables {
    list: Vec<Table>,
    dialect: Dialect,
}

impl Tables {
    /// Builds the SQL of all models.
    #[must_use]
    pub(crate) fn new(models: &Models, dialect: Dialect) -> Self {
        let list = models.iter().map(|model| Table::new(models, model, dialect)).collect();
        Self { list, dialect }
    }

    /// Returns the SQL of a model.
    #[must_use]
    pub(crate) fn get(&self, id: ModelId) -> &Table {
        // The list has one entry per model, in their order.
        &self.list[id.index()]
    }

    /// Returns the dialect.
    #[must_use]
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }
}

impl Table {
    fn new(models: &Models, model: &Model, dialect: Dialect) -> Self {
        let name = quoted(&model.table);
        let tenancy = tenancy_condition(models, model, dialect, MAX_PARENT_DEPTH);
        let columns: Vec<String> =
            model.columns.iter().map(|column| column_expr(column, dialect)).collect();
        let select = format!("SELECT {} FROM {name} WHERE {tenancy}", columns.join(", "));
        let stored = || model.columns.iter().filter(|column| column.is_stored());
        let names: Vec<String> = stored().map(|column| quoted(&column.name)).collect();
        let values = stored().enumerate().map(|(at, column)| placeholder(column, at + 1, dialect));
        let has_id = format!(
            "{} = {}",
            self::column_name(model, 0),
            model.columns.first().map_or_else(String::new, |id| placeholder(id, 2, dialect))
        );
        Self {
            by_id: format!("{select} AND {has_id}"),
            insert: format!(
                "INSERT INTO {name} ({}) VALUES ({}) RETURNING {}",
                names.join(", "),
                values.collect::<Vec<_>>().join(", "),
                columns.join(", ")
            ),
            // A client sets the id, so a tenancy column that is the id proves nothing.
            tenancy_follows_rows: !matches!(model.tenancy, Tenancy::Column(1..) | Tenancy::Shared),
            columns: columns.join(", "),
            delete: format!("DELETE FROM {name} WHERE {tenancy} AND {has_id}"),
            has_id,
            select,
            tenancy,
            name,
            dialect,
        }
    }

    /// Returns an UPDATE of these columns of the row with the id `{2}` that returns the row; the
    /// values start at `{3}`.
    #[must_use]
    pub(crate) fn update(&self, model: &Model, columns: &[usize]) -> String {
        let mut out = format!("UPDATE {} SET ", self.name);
        for (at, column) in columns.iter().filter_map(|at| model.columns.get(*at)).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(
                out,
                "{comma}{} = {}",
                quoted(&column.name),
                placeholder(column, at + 3, self.dialect)
            );
        }
        let (tenancy, has_id, columns) = (&self.tenancy, &self.has_id, &self.columns);
        let _ = write!(out, " WHERE {tenancy} AND {has_id} RETURNING {columns}");
        out
    }

    /// Returns an INSERT of a row with values for these columns that returns its id.
    #[must_use]
    pub(crate) fn insert_some(&self, model: &Model, columns: &[usize]) -> String {
        let selected = || columns.iter().filter_map(|at| model.columns.get(*at));
        let names: Vec<String> = selected().map(|column| quoted(&column.name)).collect();
        let values: Vec<String> = selected()
            .enumerate()
            .map(|(at, column)| placeholder(column, at + 1, self.dialect))
            .collect();
        let id = model
            .columns
            .first()
            .map_or_else(String::new, |column| column_expr(column, self.dialect));
        let (table, names, values) = (&self.name, names.join(", "), values.join(", "));
        match columns.is_empty() {
            true => format!("INSERT INTO {table} DEFAULT VALUES RETURNING {id}"),
            false => format!("INSERT INTO {table} ({names}) VALUES ({values}) RETURNING {id}"),
        }
    }

    /// Returns a SELECT of the rows with the ids in `{2}`, a JSON array of strings.
    #[must_use]
    pub(crate) fn by_ids(&self, model: &Model) -> String {
        let is_listed =
            model.columns.first().map_or_else(String::new, |id| among(id, 2, self.dialect));
        format!("{} AND {} {is_listed}", self.select, column_name(model, 0))
    }

    /// Returns a SELECT of rows from `{1}`, a JSON array of objects with the values of columns.
    /// PostgreSQL only.
    #[must_use]
    pub(crate) fn of_json(&self) -> String {
        let (name, columns) = (&self.name, &self.columns);
        format!(
            "SELECT {columns} FROM jsonb_array_elements({}) WITH ORDINALITY AS ablo_old (ablo_row, \
             ablo_at) CROSS JOIN LATERAL jsonb_populate_record(NULL::{name}, ablo_row) AS {name} \
             ORDER BY ablo_at",
            self.dialect.placeholder(1, "json")
        )
    }

    /// Returns an INSERT of rows from `{1}`, a JSON array of objects with the values of columns, or
    /// `None` if a column is not written as JSON has it. PostgreSQL only.
    #[must_use]
    pub(crate) fn insert_json(&self, model: &Model) -> Option<String> {
        let written = || model.columns.iter().filter(|column| column.is_stored());
        let is_other = |column: &Column| column.mapping == ColumnMapping::Base64;
        if self.dialect != Dialect::Postgres || written().any(is_other) {
            return None;
        }
        let names: Vec<String> = written().map(|column| quoted(&column.name)).collect();
        let filled: Vec<String> = names.iter().map(|name| format!("ablo_new.{name}")).collect();
        Some(format!(
            "INSERT INTO {name} ({}) SELECT {} FROM jsonb_array_elements({}) AS ablo_rows \
             (ablo_row) CROSS JOIN LATERAL jsonb_populate_record(NULL::{name}, ablo_row) AS \
             ablo_new",
            names.join(", "),
            filled.join(", "),
            self.dialect.placeholder(1, "json"),
            name = self.name,
        ))
    }

    /// Returns a SELECT of the number of rows of this table with the texts `{2}` and `{3}` in two
    /// columns.
    #[must_use]
    pub(crate) fn count_pairs(&self, model: &Model, first: usize, second: usize) -> String {
        format!(
            "SELECT count(*) FROM {} WHERE {} AND {} = {} AND {} = {}",
            self.name,
            self.tenancy,
            text_expr(model, first, self.dialect),
            self.dialect.placeholder(2, ""),
            text_expr(model, second, self.dialect),
            self.dialect.placeholder(3, "")
        )
    }

    /// Returns a SELECT of the rows whose column references the parent row `{2}`.
    #[must_use]
    pub(crate) fn children(&self, model: &Model, column: usize) -> String {
        let name = quoted(model.column_db_name(column));
        let id = model
            .columns
            .get(column)
            .map_or_else(String::new, |column| placeholder(column, 2, self.dialect));
        format!("{} AND {name} = {id}", self.select)
    }
}

/// Returns the expression that reads a column.
pub(crate) fn column_expr(column: &Column, dialect: Dialect) -> String {
    let name = quoted(&column.name);
    match mapping(column, dialect) {
        ColumnMapping::Missing if dialect == Dialect::Postgres => "NULL::text".to_owned(),
        ColumnMapping::Missing => "NULL".to_owned(),
        ColumnMapping::Epoch => dialect.column_expr(EPOCH, "date").into_owned(),
        ColumnMapping::Exact => {
            dialect.column_expr(&name, transfer_form(&column.kind)).into_owned()
        }
        // As the server prints it; the cast adds the length of the network to a host.
        ColumnMapping::AsText(actual) if actual == "inet" => format!("abbrev({name})"),
        ColumnMapping::AsText(_) => format!("{name}::text"),
        ColumnMapping::Cast { read_as: read, .. } => format!("{name}::{read}"),
        ColumnMapping::LocalTimestamp(_) => dialect
            .column_expr(&format!("({name}::timestamp AT TIME ZONE 'UTC')"), "date")
            .into_owned(),
        ColumnMapping::Base64 => format!("translate(encode({name}, 'base64'), E'\\n', '')"),
        ColumnMapping::List(_) => format!("to_jsonb({name})::text"),
    }
}

/// Returns the condition that a column is one of the texts in a parameter, a JSON array. Each has
/// to be a value of the column.
pub(crate) fn among(column: &Column, number: usize, dialect: Dialect) -> String {
    let actual = match (&column.kind, mapping(column, dialect)) {
        (_, ColumnMapping::AsText(actual)) => Some(actual.as_str()),
        (ValueKind::Uuid, _) => Some("uuid"),
        _ => None,
    };
    match actual.filter(|_| dialect == Dialect::Postgres) {
        Some(actual) => {
            let list = dialect.placeholder(number, "list");
            format!("= ANY (ARRAY(SELECT l::{actual} FROM {list} AS l (l)))")
        }
        None => dialect.placeholder(number, "in"),
    }
}

/// Returns the mapping of a column. In SQLite each column has the usual type of its field.
fn mapping(column: &Column, dialect: Dialect) -> &ColumnMapping {
    match (dialect, &column.mapping) {
        (Dialect::Postgres, mapping) | (_, mapping @ ColumnMapping::Missing) => mapping,
        (Dialect::Sqlite, _) => &ColumnMapping::Exact,
    }
}

/// Returns a column as text, as ids and references are compared with lists of strings.
pub(crate) fn text_expr(model: &Model, at: usize, dialect: Dialect) -> String {
    let name = column_name(model, at);
    match model.columns.get(at) {
        Some(column) if dialect == Dialect::Postgres => {
            let is_text = matches!(column.kind, ValueKind::Text | ValueKind::Enum(_))
                && column.mapping == ColumnMapping::Exact;
            if is_text { name } else { format!("{name}::text") }
        }
        _ => name,
    }
}

/// Returns the expression for a parameter that is written to a column.
pub(crate) fn placeholder(column: &Column, number: usize, dialect: Dialect) -> String {
    match mapping(column, dialect) {
        ColumnMapping::Exact | ColumnMapping::Missing | ColumnMapping::Epoch => {
            dialect.placeholder(number, transfer_form(&column.kind))
        }
        ColumnMapping::AsText(actual) => format!("${number}::text::{actual}"),
        // A direct cast of a double keeps only fifteen digits.
        ColumnMapping::Cast { read_as: read, actual } if actual == "numeric" => {
            format!("${number}::{read}::text::{actual}")
        }
        ColumnMapping::Cast { read_as: read, actual } => format!("${number}::{read}::{actual}"),
        ColumnMapping::LocalTimestamp(actual) => {
            format!("(${number}::text::timestamptz AT TIME ZONE 'UTC')::{actual}")
        }
        ColumnMapping::Base64 => format!("decode(${number}::text, 'base64')"),
        ColumnMapping::List(element) => format!(
            "CASE WHEN ${number}::text IS NOT NULL THEN \
             ARRAY(SELECT jsonb_array_elements_text(${number}::text::jsonb))::{element}[] END"
        ),
    }
}

/// Returns the form in which values of a kind are passed to the driver.
fn transfer_form(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Date => "date",
        ValueKind::Json => "json",
        ValueKind::Uint64 | ValueKind::Decimal(_) => "numeric",
        ValueKind::Uuid => "uuid",
        ValueKind::Text
        | ValueKind::Enum(_)
        | ValueKind::Number
        | ValueKind::Float
        | ValueKind::Boolean
        | ValueKind::Integer(..)
        | ValueKind::Int64 => "",
    }
}

/// Returns the condition that a row belongs to the organisation `{1}`.
fn tenancy_condition(models: &Models, model: &Model, dialect: Dialect, depth: usize) -> String {
    let organization = dialect.placeholder(1, "");
    // Shared tables mention the parameter too, so that all statements take the same ones.
    let always = format!(
        "{} IS NOT NULL",
        if dialect == Dialect::Postgres {
            format!("{organization}::text")
        } else {
            organization.clone()
        }
    );
    match &model.tenancy {
        Tenancy::Shared => always,
        Tenancy::Unresolved => format!("{always} AND 1 = 0"),
        Tenancy::Column(at) => format!("{} = {organization}", column_name(model, *at)),
        Tenancy::Parent { .. } if depth == 0 => format!("{always} AND 1 = 0"),
        Tenancy::Parent { local_key, parent, key } => {
            let parent = models.get(*parent);
            let within = tenancy_condition(models, parent, dialect, depth - 1);
            let (key, table) = (column_name(parent, *key), quoted(&parent.table));
            format!(
                "{} IN (SELECT {key} FROM {table} WHERE {within})",
                column_name(model, *local_key)
            )
        }
        Tenancy::ExternalParent { local_key, table, key, owner } => format!(
            "{} IN (SELECT {} FROM {} WHERE {} = {organization})",
            column_name(model, *local_key),
            quoted(key),
            quoted(table),
            quoted(owner)
        ),
    }
}

/// Returns a column qualified by its table, since a parent may have a column of the same name.
pub(crate) fn column_name(model: &Model, column: usize) -> String {
    match model.columns.get(column) {
        Some(Column { mapping: ColumnMapping::Missing, .. }) | None => "NULL".to_owned(),
        Some(Column { mapping: ColumnMapping::Epoch, .. }) => EPOCH.to_owned(),
        Some(column) => format!("{}.{}", quoted(&model.table), quoted(&column.name)),
    }
}
