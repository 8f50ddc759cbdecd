//! Names and positions in the frames of a client of 0.9, and the rows that it should have.

use crate::server::{self, World, user};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Returns the payload of a `sync_request`.
#[must_use]
pub fn sync_request(position: u64) -> Value {
    let capabilities =
        ["partialBootstrap", "compressedDeltas", "streamingBootstrap", "batchedDeltas"];
    json!({ "cursor": null, "versions": {}, "lastSyncId": position, "capabilities": capabilities })
}

/// Returns one member of each stored row of a model, by id.
///
/// # Panics
/// Panics if a row has no such member that is a text.
pub async fn stored(world: &World, model: &str, member: &str) -> BTreeMap<String, String> {
    let mut models = world.bootstrap(&user("ann")).await.expect("the rows");
    let rows = models.remove(model).expect("a model");
    let text = |row: &Value, member: &str| row[member].as_str().expect("a text").to_owned();
    rows.iter()
        .map(|row| server::json(row))
        .map(|row| (text(&row, "id"), text(&row, member)))
        .collect()
}

/// Returns an id that no other client of this process has.
pub(super) fn new_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("id-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// Returns the id of an operation, with its time.
pub(super) fn transaction_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time");
    format!("tx_{}_{}", now.as_millis(), new_id())
}

/// The names of a model (docs/protocol/commits.md §1).
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// The key in the schema, which claims name.
    pub key: &'static str,
    /// The type name of deltas, bootstraps and queries.
    pub typename: &'static str,
}

impl Model {
    pub(super) fn wire_name(self) -> String {
        self.typename.to_lowercase()
    }
}
