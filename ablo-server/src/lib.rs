//! The coordinator: the server that generated clients talk to.
//!
//! It stores the rows of a schema in SQLite or PostgreSQL, appends every confirmed change to one
//! sync log per organisation, grants claims on rows to one participant at a time, and pushes deltas
//! to the clients that may see them.
//!
//! ```
//! use ablo_server::{Coordinator, CoordinatorOptions, DbPath, Sqlite, serve};
//! use std::sync::Arc;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let document = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{
//!     "text":{"type":"string","isOptional":false,"isIndexed":false}}}},"identityRoles":[]}"#;
//! let schema = ablo_schema::front::json::read(document).schema.ok_or("a faulty schema")?;
//! let store = Sqlite::open(&DbPath::Memory, &schema)?;
//! let coordinator = Coordinator::new(&schema, Arc::new(store), CoordinatorOptions::default());
//! let key = coordinator.issue_secret_key("acme", "first").await?;
//! println!("clients connect with the key {key}");
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let stop = async { /* for example a signal */ };
//! serve(coordinator, listener, stop).await?;
//! # Ok(()) }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
//! #     .block_on(run()).unwrap();
//! ```
//!
//! A coordinator is layered: transports (HTTP, sockets, [`embedded`](fn@embedded)) call services,
//! which authorise a request and run the engine in one transaction of a store. A layer names only
//! those below it.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod adapter;
mod bulk;
mod capture;
mod coordinator;
mod embedded;
mod existing;
mod http;
mod http_server;
mod limits;
mod live;
mod openapi;
mod serve;
mod service;

// The layers below the services are visible for the tests and benchmarks of this repository only.
// They may change in any release.
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod identity;
#[doc(hidden)]
pub mod models;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod value;

/// The conformance kit: checks that every data-source endpoint has to pass.
pub mod kit {
    pub use ablo_source::Remote;
    pub use ablo_source::kit::{Outcome, Subject, reach, run};
}

pub use bulk::{Bulk, BulkField, ImportReport, ImportRow, TextForm};
pub use capture::Capture;
pub use coordinator::Coordinator;
pub use embedded::Embedded;
#[cfg(feature = "sqlite")]
pub use embedded::embedded;
pub use engine::credentials::Mode;
pub use engine::keys::KeyFault;
pub use error::{ApiError, EngineError, StoreError};
pub use limits::{LimitInfo, Limits};
pub use serve::serve;
#[doc(hidden)]
pub use service::housekeeping;
pub use service::keys::{Keys, NewKey, SecretKey};
pub use service::source::SourceOptions;
pub use service::webhooks::WebhookOptions;
pub use service::{CoordinatorOptions, Retention};
#[cfg(feature = "postgres")]
pub use store::Postgres;
#[cfg(feature = "sqlite")]
pub use store::{BackupError, DbPath, Sqlite, backup};
pub use store::{SchemaEpoch, SchemaJudge, SchemaVerdict, Store};
