//! Reads: pages, single rows, queries and snapshots, each within the reader's organisation and sync groups.

use super::groups::seen_by;
use super::plan::permitted;
use super::table::{self, members};
use super::{Engine, log};
use crate::error::{Refusal, Result};
use crate::identity::Identity;
use crate::models::{Model, Relation};
use crate::store::text::quoted;
use crate::store::{Dialect, Row, Tx};
use crate::value::{Cell, Kind, string};
use ablo_schema::schema::Load;
use ablo_wire::{Operator, Order, Query, Where};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Rows of a page where nobody says how many, and at most (gaps.md D3).
pub const PAGE: u64 = 20;
/// Rows of a page at most.
pub const LONGEST_PAGE: u64 = 100;
/// Queries of one batch at most (http.md §5).
pub const MOST_QUERIES: usize = 16;
/// Rows that one query gives at most.
pub const MOST_ROWS: u64 = 10_000;

/// What a page is asked for with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// How many rows.
    pub limit: Option<u64>,
    /// The field it is ordered by.
    pub order_by: Option<String>,
    /// Whether downwards.
    pub descending: bool,
    /// Where it starts: the `next_cursor` of the page before.
    pub starting_after: Option<String>,
    /// Fields and what they equal, as text. Names that are no fields are left out (gaps.md D4).
    pub filters: Vec<(String, String)>,
}

/// A page of rows, each a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<String>,
    /// Where the next page starts; none on the last one.
    pub next: Option<String>,
    /// The end of the log when they were read.
    pub stamp: u64,
}

/// A statement that is put together: its conditions, and the values they speak of.
struct Select<'e> {
    engine: &'e Engine,
    model: &'e Model,
    text: String,
    values: Vec<Cell>,
}

impl<'e> Select<'e> {
    /// Rows of a model that a reader sees.
    fn new(engine: &'e Engine, who: &Identity, model: &'e Model) -> Self {
        let (seen, groups) = seen_by(engine, who, model, 2);
        let mut values: Vec<Cell> = vec![who.organization.as_str().into()];
        values.extend(groups);
        let text = format!("{} AND {seen}", engine.tables.get(model.id).select);
        Self { engine, model, text, values }
    }

    /// Adds a value and gives how it is spelled for a column.
    fn value(&mut self, column: usize, cell: Cell) -> String {
        self.values.push(cell);
        table::value(&self.model.columns[column], self.values.len(), self.engine.dialect)
    }

    fn name(&self, column: usize) -> String {
        format!("{}.{}", quoted(&self.model.table), quoted(&self.model.columns[column].name))
    }

    fn and(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    /// Orders by a column, then by id; absent values come first.
    fn order(&mut self, column: usize, descending: bool) {
        let way = match (descending, self.engine.dialect) {
            (false, Dialect::Sqlite) => "ASC",
            (true, Dialect::Sqlite) => "DESC",
            (false, Dialect::Postgres) => "ASC NULLS FIRST",
            (true, Dialect::Postgres) => "DESC NULLS LAST",
        };
        let (name, id) = (self.name(column), self.name(0));
        let bare = way.split(' ').next().unwrap_or(way);
        self.text.push_str(&match column {
            0 => format!(" ORDER BY {} {bare}", collated(&id, self.engine.dialect)),
            _ => format!(
                " ORDER BY {} {way}, {} {bare}",
                ordered(self.model, column, &name, self.engine.dialect),
                collated(&id, self.engine.dialect)
            ),
        });
    }

    fn limit(&mut self, rows: u64) {
        self.text.push_str(&format!(" LIMIT {rows}"));
    }

    fn run(self, tx: &mut dyn Tx) -> Result<Vec<Row>> {
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
fn ordered(model: &Model, column: usize, name: &str, dialect: Dialect) -> String {
    match (&model.columns[column].kind, dialect) {
        (Kind::Text | Kind::OneOf(_), dialect) => collated(name, dialect),
        // Digits are text there, and order as numbers only when read as such.
        (Kind::Uint64 | Kind::Decimal(_), Dialect::Sqlite) => format!("CAST({name} AS REAL)"),
        _ => name.to_owned(),
    }
}

/// A page of a model's rows.
///
/// # Errors
/// `model_query_failed` for a filter, order or cursor that does not fit, `capability_scope_denied`, or what the database said.
pub fn list(engine: &Engine, tx: &mut dyn Tx, who: &Identity, model: &Model, query: &ListQuery) -> Result<Page> {
    permitted(model, who, "read")?;
    let mut select = Select::new(engine, who, model);
    for (name, text) in &query.filters {
        let Some(column) = model.column(name) else { continue };
        let cell = model.columns[column].kind.read_plain(text).map_err(|expected| {
            let path = format!("{}.{name}", model.key);
            Refusal::new("model_query_failed", format!("{path} is expected to be {expected}")).param(path)
        })?;
        let condition = compare(&mut select, column, "=", cell);
        select.and(&condition);
    }
    let column = match query.order_by.as_deref() {
        None => 0,
        Some(name) => model.column(name).ok_or_else(|| {
            Refusal::new("model_query_failed", format!("{} has no field `{name}` to order by", model.key))
                .param("order_by")
        })?,
    };
    if model.columns[column].kind == Kind::Json {
        let message =
            format!("rows are not ordered by JSON, and {}.{} is JSON", model.key, model.columns[column].member);
        return Err(Refusal::new("model_query_failed", message).param("order_by").into());
    }
    if let Some(cursor) = &query.starting_after {
        after(&mut select, column, query.descending, cursor)?;
    }
    select.order(column, query.descending);
    let limit = query.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    select.limit(limit + 1);
    let mut rows = select.run(tx)?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| cursor(model, column, row));
    Ok(Page {
        rows: rows.iter().map(|row| table::json(model, row)).collect(),
        next,
        stamp: log::head(tx, &who.organization)?,
    })
}

/// Where a page ended: the value it is ordered by, and the row.
fn cursor(model: &Model, column: usize, row: &Row) -> String {
    let mut text = String::from("[");
    model.columns[column].kind.write(row.get(column).unwrap_or(&Cell::Null), &mut text);
    text.push(',');
    string(table::id(row), &mut text);
    text.push(']');
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The rows behind a cursor.
fn after(select: &mut Select<'_>, column: usize, descending: bool, cursor: &str) -> Result<()> {
    let refused = || Refusal::new("model_query_failed", "the cursor is none of this list's").param("starting_after");
    let byte = |at: usize| cursor.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Option<Vec<u8>> = (0..cursor.len()).step_by(2).map(byte).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    let (value, id): (Box<RawValue>, String) = serde_json::from_str(&text).map_err(|_| refused())?;
    let beyond = if descending { "<" } else { ">" };
    let id = select.value(0, Cell::Text(id));
    let dialect = select.engine.dialect;
    let id_beyond = format!("{} {beyond} {id}", collated(&select.name(0), dialect));
    if column == 0 {
        select.and(&id_beyond);
        return Ok(());
    }
    let name = select.name(column);
    if value.get() == "null" {
        // Absent values come first, or last when downwards.
        let rest = if descending { String::new() } else { format!(" OR {name} IS NOT NULL") };
        select.and(&format!("(({name} IS NULL AND {id_beyond}){rest})"));
        return Ok(());
    }
    let cell = select.model.columns[column].kind.read(&value).map_err(|_| refused())?;
    let value = select.value(column, cell);
    let name_ordered = ordered(select.model, column, &name, dialect);
    let value = ordered(select.model, column, &value, dialect);
    let absent = if descending { format!(" OR {name} IS NULL") } else { String::new() };
    select.and(&format!("({name_ordered} {beyond} {value} OR ({name_ordered} = {value} AND {id_beyond}){absent})"));
    Ok(())
}

/// `column operator value`.
fn compare(select: &mut Select<'_>, column: usize, operator: &str, cell: Cell) -> String {
    let (name, dialect) = (select.name(column), select.engine.dialect);
    let value = select.value(column, cell);
    match operator {
        "=" | "<>" => format!("{name} {operator} {value}"),
        _ => format!(
            "{} {operator} {}",
            ordered(select.model, column, &name, dialect),
            ordered(select.model, column, &value, dialect)
        ),
    }
}

/// One row, if the reader sees it, with the end of the log.
///
/// # Errors
/// `capability_scope_denied`, or what the database said.
pub fn retrieve(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    id: &str,
) -> Result<(Option<String>, u64)> {
    permitted(model, who, "read")?;
    let mut select = Select::new(engine, who, model);
    let condition = compare(&mut select, 0, "=", id.into());
    select.and(&condition);
    let row = select.run(tx)?.first().map(|row| table::json(model, row));
    Ok((row, log::head(tx, &who.organization)?))
}

/// The rows that a query asks for, each a JSON object with what it is related to inside.
///
/// # Errors
/// A coded refusal of the query, or what the database said.
pub fn query(engine: &Engine, tx: &mut dyn Tx, who: &Identity, query: &Query) -> Result<Vec<String>> {
    let model = super::plan::find(&engine.models, &query.model)?;
    permitted(model, who, "read")?;
    let mut select = Select::new(engine, who, model);
    if let Some(ids) = &query.ids {
        let list = select.list(ids);
        select.and(&format!("{} IN {list}", select.name(0)));
    }
    for clause in query.r#where.iter().flatten() {
        let condition = condition(&mut select, clause)?;
        select.and(&condition);
    }
    let order = match query.order_by.as_deref() {
        None => 0,
        Some(name) => model.column(name).filter(|at| model.columns[*at].kind != Kind::Json).ok_or_else(|| {
            Refusal::new("query_invalid_identifier", format!("{} cannot be ordered by `{name}`", model.key))
                .param("orderBy")
        })?,
    };
    select.order(order, query.order == Some(Order::Desc));
    select.limit(query.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS));
    let rows = select.run(tx)?;
    let mut related = Vec::new();
    for name in query.related.iter().flatten() {
        let relation = model.relations.iter().find(|relation| relation.name == *name).ok_or_else(|| {
            Refusal::new("query_unknown_relation", format!("{} has no relation `{name}`", model.key)).param("related")
        })?;
        related.push((relation, relatives(engine, tx, who, relation, &rows)?));
    }
    Ok(rows.iter().map(|row| nested(model, row, &related)).collect())
}

impl Select<'_> {
    /// A list of texts as a value.
    fn list(&mut self, texts: &[String]) -> String {
        self.values.push(Cell::Text(serde_json::to_string(texts).unwrap_or_default()));
        self.engine.dialect.value(self.values.len(), "list")
    }
}

/// A row with the rows it is related to under the names of the relations.
fn nested(model: &Model, row: &Row, related: &[(&Relation, BTreeMap<String, Vec<String>>)]) -> String {
    let mut out = String::new();
    members(model, row, &mut out);
    for (relation, found) in related {
        let key = row.get(relation.local).and_then(Cell::text).unwrap_or_default();
        let rows = found.get(key).map(Vec::as_slice).unwrap_or_default();
        out.push(',');
        string(&relation.name, &mut out);
        out.push(':');
        match (relation.many, rows.first()) {
            (true, _) => {
                out.push('[');
                out.push_str(&rows.join(","));
                out.push(']');
            }
            (false, Some(row)) => out.push_str(row),
            (false, None) => out.push_str("null"),
        }
    }
    out.push('}');
    out
}

/// The rows that a relation leads to from any of these, by the value that leads there.
fn relatives(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    relation: &Relation,
    rows: &[Row],
) -> Result<BTreeMap<String, Vec<String>>> {
    let target = engine.models.get(relation.target);
    permitted(target, who, "read")?;
    let keys: Vec<String> = rows.iter().filter_map(|row| row.get(relation.local)?.text().map(str::to_owned)).collect();
    let mut select = Select::new(engine, who, target);
    let list = select.list(&keys);
    let foreign = select.name(relation.foreign);
    let foreign = match (&target.columns[relation.foreign].kind, engine.dialect) {
        (Kind::Text | Kind::OneOf(_), _) | (_, Dialect::Sqlite) => foreign,
        (_, Dialect::Postgres) => format!("{foreign}::text"),
    };
    select.and(&format!("{foreign} IN {list}"));
    select.order(relation.order.unwrap_or(0), false);
    select.limit(MOST_ROWS);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in select.run(tx)? {
        if let Some(key) = row.get(relation.foreign).and_then(Cell::text) {
            found.entry(key.to_owned()).or_default().push(table::json(target, &row));
        }
    }
    Ok(found)
}

/// One clause of a query as a condition.
fn condition(select: &mut Select<'_>, clause: &Where) -> Result<String> {
    let model = select.model;
    let column = model.column(&clause.column).ok_or_else(|| {
        let message = format!("{} has no column `{}`", model.key, clause.column.chars().take(60).collect::<String>());
        Refusal::new("query_invalid_identifier", message).param("where")
    })?;
    let operator = clause.operator();
    let text = match operator {
        Operator::Eq => "=",
        Operator::Ne => "<>",
        Operator::Lt => "<",
        Operator::Le => "<=",
        Operator::Gt => ">",
        Operator::Ge => ">=",
        Operator::In => return one_of(select, column, &clause.value, ""),
        Operator::NotIn => return one_of(select, column, &clause.value, "NOT "),
        Operator::Is => return is(select, column, &clause.value, ""),
        Operator::IsNot => return is(select, column, &clause.value, "NOT "),
        Operator::Like => return like(select, column, &clause.value, "", false),
        Operator::NotLike => return like(select, column, &clause.value, "NOT ", false),
        Operator::Ilike => return like(select, column, &clause.value, "", true),
        Operator::NotIlike => return like(select, column, &clause.value, "NOT ", true),
        Operator::Other(other) => {
            let message = format!("`{}` is no operator", other.chars().take(20).collect::<String>());
            return Err(Refusal::new("query_unsupported_operator", message).param("where").into());
        }
    };
    match &clause.value {
        // As the reference has it: equal to nothing is absent.
        Value::Null => is(select, column, &Value::Null, if *operator == Operator::Ne { "NOT " } else { "" }),
        Value::Array(_) if *operator == Operator::Eq => one_of(select, column, &clause.value, ""),
        value => {
            let cell = cell(select.model, column, value)?;
            Ok(compare(select, column, text, cell))
        }
    }
}

fn cell(model: &Model, column: usize, value: &Value) -> Result<Cell> {
    let column = &model.columns[column];
    let text =
        RawValue::from_string(value.to_string()).map_err(|error| Refusal::new("invalid_json", error.to_string()))?;
    column.kind.read(&text).map_err(|expected| {
        let path = format!("{}.{}", model.key, column.member);
        Refusal::new("model_query_failed", format!("{path} is expected to be {expected}")).param(path).into()
    })
}

fn one_of(select: &mut Select<'_>, column: usize, value: &Value, not: &str) -> Result<String> {
    let Value::Array(items) = value else {
        return Err(Refusal::new("model_query_failed", "IN and NOT IN take a list").param("where").into());
    };
    let mut spelled = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_null()) {
        let cell = cell(select.model, column, item)?;
        spelled.push(select.value(column, cell));
    }
    let name = select.name(column);
    Ok(match (spelled.is_empty(), not.is_empty()) {
        (true, true) => "1 = 0".to_owned(),
        (true, false) => "1 = 1".to_owned(),
        (false, _) => format!("{name} {not}IN ({})", spelled.join(", ")),
    })
}

fn is(select: &mut Select<'_>, column: usize, value: &Value, not: &str) -> Result<String> {
    let name = select.name(column);
    match value {
        Value::Null => Ok(format!("{name} IS {not}NULL")),
        Value::Bool(flag) if select.model.columns[column].kind == Kind::Boolean => {
            let value = select.value(column, Cell::Boolean(*flag));
            Ok(match select.engine.dialect {
                Dialect::Sqlite => format!("{name} IS {not}{value}"),
                Dialect::Postgres if not.is_empty() => format!("{name} IS NOT DISTINCT FROM {value}"),
                Dialect::Postgres => format!("{name} IS DISTINCT FROM {value}"),
            })
        }
        _ => Err(Refusal::new("model_query_failed", "IS and IS NOT take null, true or false").param("where").into()),
    }
}

fn like(select: &mut Select<'_>, column: usize, value: &Value, not: &str, any_case: bool) -> Result<String> {
    let kind = &select.model.columns[column].kind;
    let (Value::String(pattern), Kind::Text | Kind::OneOf(_)) = (value, kind) else {
        return Err(Refusal::new("model_query_failed", "LIKE takes a text and a field of text").param("where").into());
    };
    if pattern.contains('\0') {
        return Err(Refusal::new("model_query_failed", "a pattern holds no U+0000").param("where").into());
    }
    let name = select.name(column);
    match (select.engine.dialect, any_case) {
        (Dialect::Postgres, _) => {
            let value = select.value(column, Cell::from(pattern.as_str()));
            Ok(format!("{name} {not}{} {value}", if any_case { "ILIKE" } else { "LIKE" }))
        }
        (Dialect::Sqlite, true) => {
            let value = select.value(column, Cell::from(pattern.as_str()));
            Ok(format!("{name} {not}LIKE {value} ESCAPE '\\'"))
        }
        // SQLite's LIKE takes any case; its GLOB does not.
        (Dialect::Sqlite, false) => {
            let value = select.value(column, Cell::Text(glob(pattern)));
            Ok(format!("{name} {not}GLOB {value}"))
        }
    }
}

/// A pattern of LIKE as one of GLOB.
fn glob(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => out.push('*'),
            '_' => out.push('?'),
            '\\' => literal(characters.next().unwrap_or('\\'), &mut out),
            other => literal(other, &mut out),
        }
    }
    out
}

fn literal(character: char, out: &mut String) {
    match character {
        '*' | '?' | '[' => out.extend(['[', character, ']']),
        other => out.push(other),
    }
}

/// A snapshot: the rows of models that are loaded at the start, by type name, each a JSON object.
///
/// # Errors
/// What the database said.
pub fn bootstrap(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    wanted: Option<&[String]>,
) -> Result<(BTreeMap<String, Vec<String>>, u64)> {
    let stamp = log::head(tx, &who.organization)?;
    let mut models = BTreeMap::new();
    for model in engine.models.iter() {
        let asked = match wanted {
            Some(names) => names.iter().any(|name| engine.models.find(name).is_some_and(|found| found.id == model.id)),
            None => model.load == Load::Instant,
        };
        if !asked || permitted(model, who, "read").is_err() {
            continue;
        }
        let mut select = Select::new(engine, who, model);
        let (column, descending) = model.bootstrap_order.unwrap_or((0, false));
        select.order(column, descending);
        if let Some(limit) = model.bootstrap_limit {
            select.limit(limit);
        }
        let rows = select.run(tx)?.iter().map(|row| table::json(model, row)).collect();
        models.insert(model.type_name.clone(), rows);
    }
    Ok((models, stamp))
}
