//! The coordinator: the other side of generated clients.
//!
//! It keeps the rows of a schema in SQLite or PostgreSQL, writes every confirmed change into one log for each organisation, lends rows
//! to one participant at a time, and tells everyone who may know.

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

/// The checks that every endpoint of a Data Source has to pass.
pub mod kit {
    pub use ablo::source::Remote;
    pub use ablo::source::kit::{Outcome, Subject, reach, run};
}

pub use embedded::{Embedded, embedded};
pub use http::router;
pub use serve::serve;
