//! Flow control: which deltas one frame contains, and when the next frame is sent.
//!
//! Clients with the capability `completeDeltas` are sent every delta in order, as fast as they
//! read. Other clients keep only the first of a row's deltas within 100 ms
//! (docs/protocol/websocket.md §5.2, docs/protocol/differences.md A1–A3): each frame contains
//! the newest state of each row once, and the next frame is sent after the last is acknowledged or
//! `ACK_TIMEOUT` has passed.

use super::deliver::Item;
use crate::engine::delivery::{Form, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The maximum number of rows per frame.
const MAX_ROWS_PER_FRAME: usize = 50;
/// The maximum number of deltas per frame for clients that are sent every delta.
const MAX_DELTAS_PER_FRAME: usize = super::hub::READ_BATCH;
/// The size in bytes after which no further delta is added to a frame. It bounds the memory that a
/// peer that does not read occupies.
const FRAME_SIZE_LIMIT: usize = 512 << 10;
/// How long a frame waits for its acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_millis(400);

/// The flow control of one connection.
#[derive(Debug)]
pub(super) struct FlowControl {
    /// The sync id up to which all deltas were sent or skipped.
    pub(super) cursor: u64,
    /// The sync id up to which the client has applied all deltas.
    pub(super) acknowledged: u64,
    /// Whether every delta is sent.
    pub(super) complete: bool,
    /// The last sync id of the unacknowledged frame, and when waiting for it ends.
    unacknowledged: Option<(u64, Instant)>,
    /// The time before which nothing is sent.
    pub(super) hold_until: Option<Instant>,
    /// Whether a delta of the log was sent.
    pub(super) has_sent: bool,
    /// The client may have any state of the rows up to this sync id.
    pub(super) unknown_to: u64,
}

impl FlowControl {
    pub(super) fn new(cursor: u64) -> Self {
        let (acknowledged, complete) = (cursor, false);
        Self {
            cursor,
            acknowledged,
            complete,
            unacknowledged: None,
            hold_until: None,
            has_sent: false,
            unknown_to: 0,
        }
    }

    /// Sets the position of the client: deltas after it are sent.
    pub(super) fn start_at(&mut self, sync_id: u64) {
        self.cursor = sync_id;
        self.acknowledged = sync_id;
    }

    /// Waits until the client has acknowledged anything, which has no id of the log.
    pub(super) fn wait_for_any_acknowledgement(&mut self, now: Instant) {
        self.unacknowledged = Some((0, now + ACK_TIMEOUT));
    }

    /// Returns when the next frame may be sent; `None` for at once.
    pub(super) fn due(&self) -> Option<Instant> {
        let ack_deadline = self.unacknowledged.filter(|_| !self.complete).map(|(_, until)| until);
        ack_deadline.max(self.hold_until)
    }

    /// Records that the client has stored everything up to a sync id.
    pub(super) fn acknowledge(&mut self, id: u64) {
        // A client cannot acknowledge what it was not sent.
        self.acknowledged = self.acknowledged.max(id.min(self.cursor));
        if self.unacknowledged.is_some_and(|(last, _)| last <= id) {
            self.unacknowledged = None;
        }
    }

    /// Returns the deltas of the next frame as JSON, and moves the cursor behind them.
    ///
    /// `items` are deltas after the cursor.
    pub(super) fn take(
        &mut self,
        items: &[(Arc<Item>, Option<Seen>)],
        now: Instant,
    ) -> Vec<String> {
        let texts = if self.complete { self.all(items) } else { self.newest(items) };
        self.has_sent |= !texts.is_empty();
        if !texts.is_empty() && !self.complete {
            self.unacknowledged = Some((self.cursor, now + ACK_TIMEOUT));
        }
        texts
    }

    fn all(&mut self, items: &[(Arc<Item>, Option<Seen>)]) -> Vec<String> {
        let (mut texts, mut size) = (Vec::new(), 0);
        for (item, seen) in items {
            if texts.len() == MAX_DELTAS_PER_FRAME || size > FRAME_SIZE_LIMIT {
                break;
            }
            self.cursor = item.delta.id;
            if let Some(seen) = seen {
                let text = item.text(seen).into_owned();
                size += text.len();
                texts.push(text);
            }
        }
        texts
    }

    /// Returns the newest delta of each row.
    fn newest(&mut self, items: &[(Arc<Item>, Option<Seen>)]) -> Vec<String> {
        let mut rows: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut order = Vec::new();
        for (at, (item, seen)) in items.iter().enumerate() {
            let key = (item.delta.model.as_str(), item.delta.row.as_str());
            if seen.is_some() {
                if !rows.contains_key(&key) && rows.len() == MAX_ROWS_PER_FRAME {
                    break;
                }
                rows.entry(key).or_default().push(at);
                order.push(at);
            }
            self.cursor = item.delta.id;
        }
        let mut texts = Vec::with_capacity(rows.len());
        for at in order {
            let (item, _) = &items[at];
            let of_row = rows.get(&(item.delta.model.as_str(), item.delta.row.as_str()));
            let Some((first, last)) =
                of_row.and_then(|of_row| of_row.first().copied().zip(of_row.last().copied()))
            else {
                continue;
            };
            let Some((newest, Some(seen))) = items.get(last) else { continue };
            let has = |test: fn(&Item, &Seen) -> bool| {
                let of_row = of_row.iter().copied().flatten().filter_map(|at| items.get(*at));
                let mut seen = of_row.filter_map(|(item, seen)| Some((item, seen.as_ref()?)));
                seen.any(|(item, seen)| test(item, seen))
            };
            let is_update = newest.action() == "U";
            // Clients drop updates of rows that they lack, and inserts of rows that they have.
            let is_new = is_update && has(is_insert);
            // They lack rows that were archived when they read all rows.
            let is_either = (is_new && newest.delta.id <= self.unknown_to)
                || (is_update && has(|item, _| item.delta.action == "V"));
            // They take every inserted row as live.
            let is_archived = has(|item, seen| is_insert(item, seen) || item.delta.action == "A")
                && newest.is_archived(seen);
            let action = match (seen.form, is_new && !is_either) {
                (Form::Disappeared, _) => "D",
                _ if is_archived => "A",
                (Form::Original, true) | (Form::Appeared, _) => "I",
                (Form::Original, false) => newest.action(),
            };
            if at == first && is_either && action == "U" {
                // Two deltas of one entry: the id of the first is below 0.
                let id = if first == last { -item.id() } else { item.id() };
                texts.push(newest.text_as((id, "I"), seen, None));
            }
            if at == last {
                let transaction = item.delta.transaction.as_deref().filter(|_| first == last);
                texts.push(item.text_as((item.id(), action), seen, transaction));
            }
        }
        texts
    }
}

fn is_insert(item: &Item, seen: &Seen) -> bool {
    matches!(item.delta.action.as_str(), "I" | "C") || seen.form == Form::Appeared
}

/// Returns a `delta` frame.
pub(super) fn delta_frame(texts: &[String]) -> String {
    format!("{{\"type\":\"delta\",\"payload\":{{\"deltas\":[{}]}}}}", texts.join(","))
}
