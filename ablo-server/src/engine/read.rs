//! Reads: pages, single rows, queries and snapshots, each within the reader's organisation and sync groups.

use super::filter::condition;
use super::plan::permitted;
use super::select::{Select, compare, ordered};
use super::table::{self, members};
use super::{Engine, log};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::{Model, Relation};
use crate::store::{Row, Tx};
use crate::value::{Cell, Kind, string};
use ablo_schema::schema::Load;
use ablo_wire::{Order, Query};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Rows of a page where nobody says how many, and at most (docs/protocol/differences.md D3).
pub const PAGE: u64 = 20;
/// Rows of a page at most.
pub const MAX_PAGE: u64 = 100;
/// Queries of one batch at most (docs/protocol/http.md §5).
pub const MAX_QUERIES: usize = 16;
/// Rows that one query gives at most.
pub const MAX_ROWS: u64 = 10_000;

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
    /// Fields and what they equal, as text. Names that are no fields are left out (docs/protocol/differences.md D4).
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

/// A page of a model's rows.
///
/// # Errors
/// `model_query_failed` for a filter, order or cursor that does not fit, `capability_scope_denied`, or what the database said.
pub fn list(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    query: &ListQuery,
) -> Result<Page> {
    permitted(model, who, "read")?;
    let mut select = Select::new(engine, who, model);
    for (name, text) in &query.filters {
        let Some(column) = model.column(name) else { continue };
        let cell = model.columns[column].kind.read_plain(text).map_err(|expected| {
            let path = format!("{}.{name}", model.key);
            ApiError::new("model_query_failed", format!("{path} is expected to be {expected}"))
                .param(path)
        })?;
        let condition = compare(&mut select, column, "=", cell);
        select.and(&condition);
    }
    let column = match query.order_by.as_deref() {
        None => 0,
        Some(name) => model.column(name).ok_or_else(|| {
            ApiError::new(
                "model_query_failed",
                format!("{} has no field `{name}` to order by", model.key),
            )
            .param("order_by")
        })?,
    };
    if model.columns[column].kind == Kind::Json {
        let message = format!(
            "rows are not ordered by JSON, and {}.{} is JSON",
            model.key, model.columns[column].member
        );
        return Err(ApiError::new("model_query_failed", message).param("order_by").into());
    }
    if let Some(cursor) = &query.starting_after {
        after(&mut select, column, query.descending, cursor)?;
    }
    select.order(column, query.descending);
    let limit = query.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
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
    let refused = || {
        ApiError::new("model_query_failed", "the cursor is none of this list's")
            .param("starting_after")
    };
    let byte =
        |at: usize| cursor.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Option<Vec<u8>> = (0..cursor.len()).step_by(2).map(byte).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
    let (value, id): (Box<RawValue>, String) =
        serde_json::from_str(&text).map_err(|_| refused())?;
    let beyond = if descending { "<" } else { ">" };
    let id = select.value(0, Cell::Text(id));
    let dialect = select.engine.dialect;
    let (own, id) = (select.name(0), ordered(select.model, 0, &id, dialect));
    let id_beyond = format!("{} {beyond} {id}", ordered(select.model, 0, &own, dialect));
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
    select.and(&format!(
        "({name_ordered} {beyond} {value} OR ({name_ordered} = {value} AND {id_beyond}){absent})"
    ));
    Ok(())
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
pub fn query(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    query: &Query,
) -> Result<Vec<String>> {
    Ok(query_page(engine, tx, who, query, None)?.0)
}

/// The same behind a cursor, with where the next rows start, if there are more than were asked for.
///
/// # Errors
/// As [`query`]; `model_query_failed` for a cursor of another list.
pub fn query_page(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    query: &Query,
    from: Option<&str>,
) -> Result<(Vec<String>, Option<String>)> {
    let model = super::plan::find(&engine.models, &query.model)?;
    permitted(model, who, "read")?;
    let mut select = Select::new(engine, who, model);
    if let Some(ids) = &query.ids {
        let list = select.list(ids);
        select.and(&format!("{} IN {list}", select.text(0)));
    }
    for clause in query.r#where.iter().flatten() {
        let condition = condition(&mut select, clause)?;
        select.and(&condition);
    }
    let order = match query.order_by.as_deref() {
        None => 0,
        Some(name) => model
            .column(name)
            .filter(|at| model.columns[*at].kind != Kind::Json)
            .ok_or_else(|| {
                ApiError::new(
                    "query_invalid_identifier",
                    format!("{} cannot be ordered by `{name}`", model.key),
                )
                .param("orderBy")
            })?,
    };
    let descending = query.order == Some(Order::Desc);
    if let Some(from) = from {
        after(&mut select, order, descending, from)?;
    }
    select.order(order, descending);
    let limit = query.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS);
    select.limit(limit + 1);
    let mut rows = select.run(tx)?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| cursor(model, order, row));
    let mut related = Vec::new();
    for name in query.related.iter().flatten() {
        let relation =
            model.relations.iter().find(|relation| relation.name == *name).ok_or_else(|| {
                ApiError::new(
                    "query_unknown_relation",
                    format!("{} has no relation `{name}`", model.key),
                )
                .param("related")
            })?;
        related.push((relation, relatives(engine, tx, who, relation, &rows)?));
    }
    Ok((rows.iter().map(|row| nested(model, row, &related)).collect(), next))
}

/// A row with the rows it is related to under the names of the relations.
fn nested(
    model: &Model,
    row: &Row,
    related: &[(&Relation, BTreeMap<String, Vec<String>>)],
) -> String {
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
    let keys: Vec<String> =
        rows.iter().filter_map(|row| row.get(relation.local)?.text().map(str::to_owned)).collect();
    let mut select = Select::new(engine, who, target);
    let list = select.list(&keys);
    // Keys are texts, whatever else a field may be.
    let foreign = select.text(relation.foreign);
    select.and(&format!("{foreign} IN {list}"));
    select.order(relation.order.unwrap_or(0), false);
    select.limit(MAX_ROWS);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in select.run(tx)? {
        if let Some(key) = row.get(relation.foreign).and_then(Cell::text) {
            found.entry(key.to_owned()).or_default().push(table::json(target, &row));
        }
    }
    Ok(found)
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
            Some(names) => names
                .iter()
                .any(|name| engine.models.find(name).is_some_and(|found| found.id == model.id)),
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
