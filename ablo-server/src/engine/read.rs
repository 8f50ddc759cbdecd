//! Reads: lists, single rows, queries and bootstraps, restricted to the reader's organisation and
//! sync groups.

use super::exits::{Exit, Related, Scope, Visible};
use super::filter::condition;
use super::{Engine, log};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::row;
use crate::models::{Model, Relation};
use crate::store::Tx;
use crate::store::rows::{Comparison, Condition, Position, RowQuery};
use crate::value::{Cell, Row, ValueKind, push_json_string};
use ablo_schema::schema::Load;
use ablo_wire::{Order, Query};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Default number of rows per page (docs/protocol/differences.md D3).
pub const DEFAULT_PAGE_ROWS: u64 = 20;
/// Maximum number of rows per page.
pub const MAX_PAGE_ROWS: u64 = 100;
/// Maximum number of queries per batch (docs/protocol/http.md §5).
pub const MAX_QUERIES: usize = 16;
/// Maximum number of conditions per query.
pub const MAX_CONDITIONS: usize = 100;
/// Maximum number of rows per query.
pub const MAX_QUERY_ROWS: u64 = 10_000;

/// The parameters of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// The number of rows.
    pub limit: Option<u64>,
    /// The field to sort by.
    pub order_by: Option<String>,
    /// Whether the order is descending.
    pub descending: bool,
    /// The `next_cursor` of the previous page.
    pub starting_after: Option<String>,
    /// Fields and the values that they have to equal, as text. Unknown names are ignored
    /// (docs/protocol/differences.md D4).
    pub filters: Vec<(String, String)>,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Visible>,
    /// The cursor of the next page, or `None` on the last one.
    pub next: Option<String>,
    /// The head of the sync log at the time of the read.
    pub sync_id: u64,
}

/// Checks the number of conditions of a query.
fn check_conditions(number: usize) -> Result<(), ApiError> {
    if number <= MAX_CONDITIONS {
        return Ok(());
    }
    let message = format!("the query has {number} conditions; the maximum is {MAX_CONDITIONS}");
    Err(ApiError::new("model_query_failed", message).param("where"))
}

/// Returns a page of rows of a model.
///
/// # Errors
///
/// Returns `model_query_failed` for an invalid filter, order or cursor, `capability_scope_denied`,
/// or an error if a statement fails.
pub fn list(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    query: &ListQuery,
) -> Result<Page> {
    let scope = Scope::new(Exit::List, who, model)?;
    check_conditions(query.filters.len())?;
    let mut select = RowQuery::new(scope.reader(), model);
    for (name, text) in &query.filters {
        let Some(column) = scope.column(name) else { continue };
        let cell = model.columns[column].read_text_form(text).map_err(|expected| {
            let path = format!("{}.{name}", model.key);
            ApiError::new("model_query_failed", format!("{path} is expected to be {expected}"))
                .param(path)
        })?;
        select.conditions.push(Condition::Compare(column, Comparison::Equal, cell));
    }
    let column = match query.order_by.as_deref() {
        None => 0,
        Some(name) => scope.column(name).ok_or_else(|| {
            ApiError::new(
                "model_query_failed",
                format!("{} has no field `{name}` to sort by", model.key),
            )
            .param("order_by")
        })?,
    };
    if model.columns[column].kind == ValueKind::Json {
        let message =
            format!("cannot sort by {}.{}, a JSON field", model.key, model.columns[column].member);
        return Err(ApiError::new("model_query_failed", message).param("order_by").into());
    }
    if let Some(cursor) = &query.starting_after {
        select.after = Some(decode_cursor(model, column, cursor)?);
    }
    select.order = Some((column, query.descending));
    let limit = query.limit.unwrap_or(DEFAULT_PAGE_ROWS).clamp(1, MAX_PAGE_ROWS);
    select.limit = Some(limit + 1);
    let mut rows = select.run(engine.rows(), tx)?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| encode_cursor(model, column, row));
    Ok(Page {
        rows: rows.iter().map(|row| scope.row(row)).collect(),
        next,
        sync_id: log::head(tx, &who.organization)?,
    })
}

/// Encodes the cursor behind a row: its value in the sort column and its id.
fn encode_cursor(model: &Model, column: usize, row: &Row) -> String {
    let mut text = String::from("[");
    model.columns[column].kind.write(row.get(column).unwrap_or(&Cell::Null), &mut text);
    text.push(',');
    push_json_string(row::id(row), &mut text);
    text.push(']');
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes a cursor of an order by this column.
fn decode_cursor(model: &Model, column: usize, cursor: &str) -> Result<Position> {
    let invalid = || ApiError::new("model_query_failed", "invalid cursor").param("starting_after");
    let byte =
        |at: usize| cursor.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Option<Vec<u8>> = (0..cursor.len()).step_by(2).map(byte).collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
    let (value, id): (Box<RawValue>, String) =
        serde_json::from_str(&text).map_err(|_| invalid())?;
    let value = match value.get() {
        "null" => Cell::Null,
        // Only the id counts in an order by id.
        _ if column == 0 => Cell::Null,
        _ => model.columns[column].read(&value).map_err(|_| invalid())?,
    };
    if model.columns.first().is_none_or(|own| !own.can_hold(&Cell::from(id.as_str()))) {
        return Err(invalid().into());
    }
    Ok(Position { value, id })
}

/// Returns a row if the reader can see it, and the head of the sync log.
///
/// # Errors
///
/// Returns `capability_scope_denied`, or an error if a statement fails.
pub fn retrieve(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    id: &str,
) -> Result<(Option<Visible>, u64)> {
    let scope = Scope::new(Exit::Retrieve, who, model)?;
    if model.columns.first().is_none_or(|own| !own.can_hold(&Cell::from(id))) {
        return Ok((None, log::head(tx, &who.organization)?));
    }
    let mut select = RowQuery::new(scope.reader(), model);
    select.conditions.push(Condition::Compare(0, Comparison::Equal, id.into()));
    let row = select.run(engine.rows(), tx)?.first().map(|row| scope.row(row));
    Ok((row, log::head(tx, &who.organization)?))
}

/// Returns the rows of a query, each a JSON object with its expanded relations.
///
/// # Errors
///
/// Returns an error if the query is invalid or a statement fails.
pub fn query(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    query: &Query,
) -> Result<Vec<Visible>> {
    Ok(query_page(engine, tx, who, query, None)?.0)
}

/// Returns the rows of a query after a cursor, and the next cursor if there are more rows.
///
/// # Errors
///
/// As [`query`]; `model_query_failed` for a cursor of another query.
pub fn query_page(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    query: &Query,
    cursor: Option<&str>,
) -> Result<(Vec<Visible>, Option<String>)> {
    let model = super::plan::find(&engine.models, &query.model)?;
    let scope = Scope::new(Exit::Query, who, model)?;
    let mut select = RowQuery::new(scope.reader(), model);
    if let Some(ids) = &query.ids {
        select.conditions.push(Condition::TextIn(0, ids.clone()));
    }
    check_conditions(query.r#where.as_ref().map_or(0, Vec::len))?;
    for clause in query.r#where.iter().flatten() {
        select.conditions.push(condition(&scope, model, select.values(), clause)?);
    }
    let order = match query.order_by.as_deref() {
        None => 0,
        Some(name) => scope
            .column(name)
            .filter(|at| model.columns[*at].kind != ValueKind::Json)
            .ok_or_else(|| {
                ApiError::new(
                    "query_invalid_identifier",
                    format!("{} cannot be sorted by `{name}`", model.key),
                )
                .param("orderBy")
            })?,
    };
    let descending = query.order == Some(Order::Desc);
    if let Some(cursor) = cursor {
        select.after = Some(decode_cursor(model, order, cursor)?);
    }
    select.order = Some((order, descending));
    let limit = query.limit.unwrap_or(MAX_QUERY_ROWS).min(MAX_QUERY_ROWS);
    select.limit = Some(limit + 1);
    let mut rows = select.run(engine.rows(), tx)?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| encode_cursor(model, order, row));
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
        related.push((relation, related_rows(engine, tx, who, relation, &rows)?));
    }
    Ok((rows.iter().map(|row| nested(&scope, row, &related)).collect(), next))
}

/// Formats a row with its related rows under the names of the relations.
fn nested(
    scope: &Scope<'_>,
    row: &Row,
    related: &[(&Relation, BTreeMap<String, Vec<Visible>>)],
) -> Visible {
    let related: Vec<(&str, Related<'_>)> = related
        .iter()
        .map(|known| {
            let (relation, found) = known;
            let key = row.get(relation.local).and_then(Cell::text).unwrap_or_default();
            let rows = found.get(key).map(Vec::as_slice).unwrap_or_default();
            let rows = if relation.many { Related::Many(rows) } else { Related::One(rows.first()) };
            (relation.name.as_str(), rows)
        })
        .collect();
    scope.row_with(row, &related)
}

/// Returns the rows that a relation of these rows leads to, by key.
fn related_rows(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    relation: &Relation,
    rows: &[Row],
) -> Result<BTreeMap<String, Vec<Visible>>> {
    let target = engine.models.get(relation.target);
    let scope = Scope::new(Exit::Query, who, target)?;
    let keys: Vec<String> =
        rows.iter().filter_map(|row| row.get(relation.local)?.text().map(str::to_owned)).collect();
    let mut select = RowQuery::new(scope.reader(), target);
    // Keys are compared as text, whatever the type of the column.
    select.conditions.push(Condition::TextIn(relation.foreign, keys));
    select.order = Some((relation.order.unwrap_or(0), false));
    select.limit = Some(MAX_QUERY_ROWS);
    let mut found: BTreeMap<String, Vec<Visible>> = BTreeMap::new();
    for row in select.run(engine.rows(), tx)? {
        if let Some(key) = row.get(relation.foreign).and_then(Cell::text) {
            found.entry(key.to_owned()).or_default().push(scope.row(&row));
        }
    }
    Ok(found)
}

/// The parameters of a bootstrap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootstrapQuery {
    /// The names of the models; `None` for all that are loaded at once.
    pub models: Option<Vec<String>>,
    /// Whether archived rows are left out, for clients that take every row as live.
    pub live_only: bool,
}

/// Returns the rows of a bootstrap by type name, and the head of the sync log.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn bootstrap(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    query: &BootstrapQuery,
) -> Result<(BTreeMap<String, Vec<Visible>>, u64)> {
    let stamp = log::head(tx, &who.organization)?;
    let mut models = BTreeMap::new();
    for model in engine.models.iter() {
        let included = match &query.models {
            Some(names) => names
                .iter()
                .any(|name| engine.models.find(name).is_some_and(|found| found.id == model.id)),
            None => model.load == Load::Instant,
        };
        let Some(scope) = Scope::new(Exit::Bootstrap, who, model).ok().filter(|_| included) else {
            continue;
        };
        let mut select = RowQuery::new(scope.reader(), model);
        if let Some(column) = model.archived_at().filter(|_| query.live_only) {
            select.conditions.push(Condition::Null { column, negated: false });
        }
        select.order = Some(model.bootstrap_order.unwrap_or((0, false)));
        select.limit = model.bootstrap_limit;
        let rows = select.run(engine.rows(), tx)?.iter().map(|row| scope.row(row)).collect();
        models.insert(model.type_name.clone(), rows);
    }
    Ok((models, stamp))
}
