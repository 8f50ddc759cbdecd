//! The coordinator: the server that generated clients talk to.
//!
//! It stores the rows of a schema in SQLite or PostgreSQL, appends every confirmed change to one
//! sync log per organisation, grants claims on rows to one participant at a time, and pushes deltas
//! to the clients that may see them.

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod adapter;
pub mod app;
mod embedded;
pub mod engine;
pub mod error;
mod http;
pub mod identity;
mod live;
mod metrics;
pub mod models;
mod openapi;
mod serve;
pub mod source;
pub mod store;
pub mod value;
pub mod webhooks;

/// The conformance kit: checks that every data-source endpoint has to pass.
pub mod kit {
    pub use ablo::source::Remote;
    pub use ablo::source::kit::{Outcome, Subject, reach, run};
}

pub use embedded::Embedded;
#[cfg(feature = "sqlite")]
pub use embedded::embedded;
pub use http::router;
pub use serve::serve;
