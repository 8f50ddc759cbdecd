//! Reads pages of the outbox in an order in which no event is skipped.
//!
//! PostgreSQL assigns a row's sequence number before its transaction commits, so a reader ordered
//! by that number alone would skip rows that commit late. Events are therefore ordered by
//! transaction id, and only those older than every running transaction are returned. A
//! long-running write transaction in any database of the server delays events for as long.

use super::is_shared;
use super::write::id_text;
use crate::engine::Engine;
use crate::error::{ApiError, Result};
use crate::models::ModelId;
use crate::models::row::json;
use crate::store::{Dialect, Row, Tx};
use crate::value::Cell;
use ablo::source::attach_current_row;
use ablo_wire::{EventsAnswer, Millis, RawRow, SourceEvent, SourceVerb};
use std::collections::BTreeMap;

const POSTGRES: &str = "SELECT written_in::text, cursor, id, model, entity_id, type, \
     organization_id, client_tx_id, occurred_at FROM ablo_outbox \
     WHERE written_in < pg_snapshot_xmin(pg_current_snapshot()) \
     AND (written_in, cursor) > ($1::text::xid8, $2) \
     AND ($3::text IS NULL OR coalesce(organization_id, $3) = $3) \
     ORDER BY ablo_outbox.written_in, cursor LIMIT $4";
const SQLITE: &str = "SELECT '0', cursor, id, model, entity_id, type, organization_id, \
     client_tx_id, occurred_at FROM ablo_outbox WHERE '0' = ?1 AND cursor > ?2 \
     AND (?3 IS NULL OR coalesce(organization_id, ?3) = ?3) ORDER BY cursor LIMIT ?4";

/// Returns the events after a cursor, of one organisation or of all.
pub(super) fn page(
    engine: &Engine,
    tx: &mut Tx<'_>,
    only: Option<&str>,
    cursor: Option<&str>,
    limit: u64,
) -> Result<EventsAnswer> {
    let (transaction, position) = parse_cursor(cursor)?;
    let sql = match tx.dialect() {
        Dialect::Postgres => POSTGRES,
        Dialect::Sqlite => SQLITE,
    };
    let values = [
        transaction.into(),
        Cell::Integer(position),
        only.into(),
        Cell::Integer(limit.try_into().unwrap_or(i64::MAX)),
    ];
    let found = tx.query(sql, &values)?;
    let mut answer = EventsAnswer::new(found.iter().map(event).collect::<Vec<_>>());
    answer.next_cursor = found.last().map(format_cursor);
    attach_rows(engine, tx, only, &mut answer.events)?;
    Ok(answer)
}

/// Attaches to every event the current state of its row.
///
/// Transactions are not ordered by when they changed a row, but the last event of a row always
/// carries the row's latest state.
fn attach_rows(
    engine: &Engine,
    tx: &mut Tx<'_>,
    only: Option<&str>,
    events: &mut [SourceEvent],
) -> Result<()> {
    let mut wanted: BTreeMap<(String, ModelId), Vec<usize>> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        let Some(model) = engine.models.find(&event.model) else { continue };
        let organization = match event.organization_id.as_deref().or(only) {
            Some(organization) => organization,
            None if is_shared(model) => "",
            None => continue,
        };
        wanted.entry((organization.to_owned(), model.id)).or_default().push(at);
    }
    for ((organization, model), indexes) in wanted {
        let model = engine.models.get(model);
        if tx.dialect() == Dialect::Postgres {
            // Tables with row security show rows only to their organisation.
            tx.query(
                "SELECT set_config('app.current_org_id', $1, true)",
                &[organization.as_str().into()],
            )?;
        }
        let ids: Vec<&str> = indexes.iter().map(|at| events[*at].entity_id.as_str()).collect();
        let values = [organization.into(), serde_json::to_string(&ids).unwrap_or_default().into()];
        let rows = tx.query(&engine.rows().tables.get(model.id).by_ids(model), &values)?;
        let rows: BTreeMap<String, String> =
            rows.iter().map(|row| (id_text(row.first()), json(model, row))).collect();
        for at in indexes {
            let event = &mut events[at];
            let row = rows.get(&event.entity_id).and_then(|row| RawRow::parse(row).ok());
            attach_current_row(event, row);
        }
    }
    Ok(())
}

/// Parses a cursor: a transaction id and a sequence number.
fn parse_cursor(cursor: Option<&str>) -> Result<(String, i64)> {
    let Some(cursor) = cursor else { return Ok(("0".to_owned(), 0)) };
    let parts = cursor.split_once('.');
    let parts = parts.and_then(|(transaction, position)| {
        Some((transaction.parse::<u64>().ok()?, position.parse().ok()?))
    });
    let (transaction, position) =
        parts.ok_or_else(|| ApiError::new("invalid_request", "invalid cursor").param("cursor"))?;
    Ok((transaction.to_string(), position))
}

fn format_cursor(row: &Row) -> String {
    let text = row.first().and_then(Cell::text).unwrap_or("0");
    format!("{text}.{}", row.get(1).and_then(Cell::integer).unwrap_or_default())
}

fn event(row: &Row) -> SourceEvent {
    let text = |at: usize| row.get(at).and_then(Cell::text);
    let owned = |at: usize| text(at).unwrap_or_default().to_owned();
    let mut event = SourceEvent::new(owned(2), owned(3), owned(4), SourceVerb::from(owned(5)));
    event.organization_id = text(6).map(str::to_owned);
    event.client_tx_id = text(7).map(str::to_owned);
    event.occurred_at =
        row.get(8).and_then(Cell::integer).and_then(|at| u64::try_from(at).ok()).map(Millis);
    event
}
