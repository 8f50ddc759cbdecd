//! The current rows as deltas, for a client whose state is not known (docs/protocol/websocket.md
//! §8): what the log no longer has is replaced by the rows themselves.

use super::access::check_permission;
use super::groups::row_groups;
use super::log::Delta;
use super::{Engine, log};
use crate::error::Result;
use crate::identity::Identity;
use crate::models::{Model, row};
use crate::store::Tx;
use crate::store::rows::{Position, RowQuery};
use crate::store::tables::log_bounds;
use crate::value::{Cell, Row, stored_date};
use ablo_schema::schema::Load;

/// How far the rows were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Rows that were deleted or moved after this sync id.
    Traces(u64),
    /// The rows of this model, in the order of the schema, behind an id.
    Rows(usize, Option<String>),
}

/// Returns at most about `limit` deltas from a place on, and the next place. The log is read up to
/// the sync id `to`.
pub(crate) fn page(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    (place, to): (Place, u64),
    limit: usize,
) -> Result<(Vec<Delta>, Option<Place>)> {
    let (at, after) = match place {
        Place::Traces(after) => {
            let found = log_bounds::traces(tx, &who.organization, (after, to), limit)?;
            let next = match found.last() {
                Some(last) => Place::Traces(last.id),
                None => Place::Rows(0, None),
            };
            return Ok((found, Some(next)));
        }
        Place::Rows(at, after) => (at, after),
    };
    let Some(model) = engine.models.iter().nth(at) else { return Ok((Vec::new(), None)) };
    let rows = match check_permission(model, who, "read") {
        Ok(()) => rows(engine, tx, who, model, after, limit as u64)?,
        Err(_) => Vec::new(),
    };
    let next = match rows.last().filter(|_| rows.len() == limit) {
        Some(last) => Place::Rows(at, Some(row::id(last).to_owned())),
        None => Place::Rows(at + 1, None),
    };
    let deltas = rows.iter().map(|row| delta(engine, tx, who, (model, row), to));
    Ok((deltas.collect::<Result<_>>()?, Some(next)))
}

/// Returns one row that the reader sees, as a delta at the head of the log.
pub(crate) fn any_row(engine: &Engine, tx: &mut Tx<'_>, who: &Identity) -> Result<Option<Delta>> {
    let head = log::head(tx, &who.organization)?;
    // Rows that clients have after a bootstrap.
    for model in engine.models.iter().filter(|model| model.load == Load::Instant) {
        if check_permission(model, who, "read").is_err() {
            continue;
        }
        if let Some(row) = rows(engine, tx, who, model, None, 1)?.first() {
            return delta(engine, tx, who, (model, row), head).map(Some);
        }
    }
    Ok(None)
}

fn rows(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    after: Option<String>,
    limit: u64,
) -> Result<Vec<Row>> {
    let mut select = RowQuery::new(who, model);
    select.order = Some((0, false));
    select.limit = Some(limit);
    select.after = after.map(|id| Position { value: Cell::from(id.as_str()), id });
    Ok(select.run(engine.rows(), tx)?)
}

/// Returns a row as the delta that inserts it.
fn delta(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    (model, found): (&Model, &Row),
    id: u64,
) -> Result<Delta> {
    Ok(Delta {
        id,
        action: "I".to_owned(),
        model: model.type_name.clone(),
        row: row::id(found).to_owned(),
        data: Some(row::json(model, found)),
        groups: row_groups(engine, tx, &who.organization, model, found)?,
        previous_groups: None,
        transaction: None,
        created_at: stored_date(tx.now()),
        actor_kind: "system".to_owned(),
        actor: "coordinator".to_owned(),
        on_behalf_of: None,
        capability: None,
        caused_by: None,
    })
}
