//! Events of the outbox: what they say of a row that has changed since.

use ablo_wire::{Maybe, RawRow, SourceEvent, SourceVerb};

/// Sets the data of an event to the current row. If the row of a deletion exists again, the event
/// becomes an update. If the row of another event was deleted since, the event has no data; the
/// deletion has its own event.
///
/// ```
/// use ablo_source::attach_current_row;
/// use ablo_wire::{Maybe, RawRow, SourceEvent, SourceVerb};
///
/// let mut event = SourceEvent::new("e1", "tasks", "t1", SourceVerb::Delete);
/// attach_current_row(&mut event, None);
/// assert_eq!((&event.r#type, &event.data), (&SourceVerb::Delete, &Maybe::Null));
/// attach_current_row(&mut event, RawRow::parse(r#"{"id":"t1"}"#).ok());
/// assert_eq!(event.r#type, SourceVerb::Update);
/// ```
pub fn attach_current_row(event: &mut SourceEvent, row: Option<RawRow>) {
    let was_deleted = event.r#type == SourceVerb::Delete;
    event.data = match row {
        Some(row) => {
            if was_deleted {
                event.r#type = SourceVerb::Update;
            }
            Maybe::Value(row)
        }
        None if was_deleted => Maybe::Null,
        None => Maybe::Absent,
    };
}
