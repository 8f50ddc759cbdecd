//! Answers requests for events with the current state of their rows.

use super::is_shared;
use super::write::id_text;
use crate::engine::Engine;
use crate::error::{ApiError, Result};
use crate::models::ModelId;
use crate::models::row::json;
use crate::store::Tx;
use crate::store::data_source::outbox::{self, Cursor, Event};
use ablo_source::attach_current_row;
use ablo_wire::{EventsAnswer, Millis, RawRow, SourceEvent, SourceVerb};
use std::collections::BTreeMap;

/// Returns the events after a cursor, of one organisation or of all.
pub(super) fn page(
    engine: &Engine,
    tx: &mut Tx<'_>,
    only: Option<&str>,
    cursor: Option<&str>,
    limit: u64,
) -> Result<EventsAnswer> {
    let found = outbox::page(tx, only, parse_cursor(cursor)?, limit)?;
    let next = found.last().map(|event| event.cursor);
    let mut answer = EventsAnswer::new(found.into_iter().map(event).collect::<Vec<_>>());
    answer.next_cursor =
        next.map(|Cursor { transaction, number }| format!("{transaction}.{number}"));
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
        outbox::set_organization(tx, &organization)?;
        let ids: Vec<String> = indexes.iter().map(|at| events[*at].entity_id.clone()).collect();
        let rows = engine.rows().find_all(tx, &organization, model, &ids)?;
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
fn parse_cursor(cursor: Option<&str>) -> Result<Cursor, ApiError> {
    let Some(cursor) = cursor else { return Ok(Cursor::default()) };
    let parts = cursor.split_once('.').and_then(|(transaction, number)| {
        Some(Cursor { transaction: transaction.parse().ok()?, number: number.parse().ok()? })
    });
    parts.ok_or_else(|| ApiError::new("invalid_request", "invalid cursor").param("cursor"))
}

fn event(found: Event) -> SourceEvent {
    let verb = SourceVerb::from(found.verb);
    let mut event = SourceEvent::new(found.id, found.model, found.row, verb);
    event.organization_id = found.organization;
    event.client_tx_id = found.client_tx_id;
    event.occurred_at = found.occurred_at.map(Millis);
    event
}
