//! The coordinator that the targets of HTTP bodies and socket frames send their input to.

use ablo_server::{Embedded, embedded};
use std::cell::RefCell;

/// The requests that an input selects by their number.
pub const REQUESTS: [(&str, &str); 18] = [
    ("POST", "/api/v1/commits"),
    ("POST", "/api/v1/models/notes"),
    ("PATCH", "/api/v1/models/notes/n1"),
    ("DELETE", "/api/v1/models/notes/n1"),
    ("GET", "/api/v1/models/notes"),
    ("POST", "/api/sync/query"),
    ("GET", "/api/sync/bootstrap"),
    ("POST", "/api/presence"),
    ("POST", "/api/v1/models/notes/n1/claim"),
    ("POST", "/api/v1/models/notes/n1/claim/reorder"),
    ("POST", "/api/v1/intents"),
    ("POST", "/api/auth/capability"),
    ("POST", "/api/v1/capabilities"),
    ("POST", "/api/v1/tasks"),
    ("POST", "/api/v1/tasks/t1/close"),
    ("POST", "/api/v1/webhook_endpoints"),
    ("POST", "/api/source/events"),
    ("POST", "/api/v1/keys"),
];

/// How many inputs a coordinator gets before the next one replaces it, which bounds its rows.
const INPUTS: u32 = 2000;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":true,"isIndexed":false},
    "count":{"type":"number","isOptional":true,"isIndexed":true},
    "done":{"type":"boolean","isOptional":true,"isIndexed":false},
    "at":{"type":"date","isOptional":true,"isIndexed":false},
    "more":{"type":"json","isOptional":true,"isIndexed":false}}}}}"#;

/// A coordinator with its runtime.
pub struct Coordinator {
    runtime: tokio::runtime::Runtime,
    embedded: Embedded,
    inputs: u32,
}

thread_local! {
    static CURRENT: RefCell<Option<Coordinator>> = const { RefCell::new(None) };
}

impl Coordinator {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let schema = ablo_schema::front::json::read(SCHEMA).schema.expect("a schema");
        let embedded = runtime.block_on(embedded(&schema)).expect("a coordinator");
        Self { runtime, embedded, inputs: 0 }
    }

    /// Runs a job with the coordinator of this thread.
    pub fn with(job: impl AsyncFnOnce(&Embedded)) {
        CURRENT.with_borrow_mut(|current| {
            let used_up = current.as_ref().is_some_and(|current| current.inputs >= INPUTS);
            if used_up {
                *current = None;
            }
            let current = current.get_or_insert_with(Self::start);
            current.inputs += 1;
            current.runtime.block_on(job(&current.embedded));
        });
    }
}
