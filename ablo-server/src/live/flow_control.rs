//! What goes out in one frame, and when the next may follow.
//!
//! Clients that say `completeDeltas` hear of every change, in order, as fast as they read. To others a row's changes inside 100 ms
//! fall together to the first (docs/protocol/websocket.md §5.2, docs/protocol/differences.md A1–A3): they are sent the newest state of each row, once a frame, and the
//! next frame when they have said that they have this one.

use super::deliver::{Form, Item};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Changes in one frame at most.
pub(super) const CHUNK: usize = 50;
/// The same for clients that want every change: what was read in one go goes out in one frame.
const BATCH: usize = super::hub::STEP;
/// Bytes of one frame, beside the last change in it: what a peer that does not read keeps in memory.
const FRAME: usize = 512 << 10;
/// How long a frame waits for its acknowledgement.
const PATIENCE: Duration = Duration::from_millis(400);

/// How a connection is sent changes.
#[derive(Debug)]
pub(super) struct Pace {
    /// Everything up to here was sent, or is not for this connection.
    pub(super) cursor: u64,
    /// Whether every change is wanted.
    pub(super) complete: bool,
    /// What waits for its acknowledgement: its last id, and until when.
    window: Option<(u64, Instant)>,
    /// Nothing is sent before.
    pub(super) hold: Option<Instant>,
}

impl Pace {
    pub(super) fn new(cursor: u64) -> Self {
        Self { cursor, complete: false, window: None, hold: None }
    }

    /// When the next frame may go out.
    pub(super) fn due(&self) -> Option<Instant> {
        let window = self.window.filter(|_| !self.complete).map(|(_, until)| until);
        window.max(self.hold)
    }

    /// Hears that everything up to here is stored.
    pub(super) fn acknowledge(&mut self, id: u64) {
        if self.window.is_some_and(|(last, _)| last <= id) {
            self.window = None;
        }
    }

    /// The next frame's changes, out of those after the cursor, and moves the cursor behind them.
    pub(super) fn take(
        &mut self,
        items: &[(Arc<Item>, Option<Form>)],
        now: Instant,
    ) -> Vec<String> {
        let texts = if self.complete { self.all(items) } else { self.newest(items) };
        if !texts.is_empty() && !self.complete {
            self.window = Some((self.cursor, now + PATIENCE));
        }
        texts
    }

    fn all(&mut self, items: &[(Arc<Item>, Option<Form>)]) -> Vec<String> {
        let (mut texts, mut size) = (Vec::new(), 0);
        for (item, form) in items {
            if texts.len() == BATCH || size > FRAME {
                break;
            }
            self.cursor = item.delta.id;
            if let Some(form) = form {
                let mut text = String::new();
                item.write(*form, &mut text);
                size += text.len();
                texts.push(text);
            }
        }
        texts
    }

    /// One change a row: the newest.
    fn newest(&mut self, items: &[(Arc<Item>, Option<Form>)]) -> Vec<String> {
        let mut rows: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut order = Vec::new();
        for (at, (item, form)) in items.iter().enumerate() {
            let key = (item.delta.model.as_str(), item.delta.row.as_str());
            if form.is_some() {
                if !rows.contains_key(&key) && rows.len() == CHUNK {
                    break;
                }
                rows.entry(key).or_default().push(at);
                order.push(at);
            }
            self.cursor = item.delta.id;
        }
        let mut texts = Vec::with_capacity(rows.len());
        for at in order {
            let (item, form) = &items[at];
            let own = rows.get(&(item.delta.model.as_str(), item.delta.row.as_str()));
            let (Some(own), Some(form)) = (own, form) else { continue };
            if own.last() != Some(&at) {
                continue;
            }
            let mut text = String::new();
            let merged = own.len() > 1;
            // A row that came into being meanwhile is not known to the client, so that an update of it would be dropped.
            let began =
                own.iter().any(|at| items.get(*at).is_some_and(|(item, form)| came(item, *form)));
            let action = match (*form, began && item.delta.action == "U") {
                (Form::Usual, true) => "I",
                (Form::Usual, false) => item.delta.action.as_str(),
                (Form::Came, _) => "I",
                (Form::Went, _) => "D",
            };
            item.delta.write(action, *form != Form::Went, !merged, &mut text);
            texts.push(text);
        }
        texts
    }
}

fn came(item: &Item, form: Option<Form>) -> bool {
    matches!(item.delta.action.as_str(), "I" | "C") || form == Some(Form::Came)
}

/// A frame of these changes.
pub(super) fn frame(texts: &[String]) -> String {
    format!("{{\"type\":\"delta\",\"payload\":{{\"deltas\":[{}]}}}}", texts.join(","))
}
