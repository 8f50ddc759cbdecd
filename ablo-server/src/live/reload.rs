//! An entry of rows that have no entries of their own, such as imported ones, ends a connection, so
//! that its client reads all rows when it connects again.

use super::connection::Connection;
use super::deliver::Item;
use super::end::{End, RELOAD};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long deltas wait while more such rows are written, until the connection ends.
const MAX_WAIT: Duration = Duration::from_secs(10);

impl Connection {
    /// Removes such an entry and those after it. Returns whether none is left, and the connection
    /// waits.
    ///
    /// Nothing after the entry is sent: the client would be beyond it when it connects again.
    pub(super) fn stops_for_reload(&mut self, items: &mut Vec<Arc<Item>>) -> Result<bool, End> {
        let found = items.iter().position(|item| item.delta.is_reload());
        let Some(at) = found else { return Ok(false) };
        items.truncate(at);
        if at > 0 {
            return Ok(false);
        }
        let latest = *self.reload_since.get_or_insert_with(Instant::now) + MAX_WAIT;
        let end = self.hub.reload_at().min(latest);
        if end <= Instant::now() {
            return Err(RELOAD);
        }
        self.flow.hold_until = Some(end);
        Ok(true)
    }
}
