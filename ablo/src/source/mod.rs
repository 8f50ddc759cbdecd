//! Data Source endpoints: an application's own database stays canonical, and the coordinator reads
//! and writes it through signed requests.
//!
//! An [`Endpoint`] verifies the signature before it reads a request and passes it to a [`Source`].
//! Several keys can be valid at once, for rotation. Messages outside the tolerance and repeated
//! messages are refused, and so are requests that the source does not implement
//! (docs/protocol/data-source.md §3). [`Tables`] is a source of typed rows.
//!
//! ```
//! use ablo::source::{Call, Endpoint, Result, Source};
//! use ablo::wire::{RawRow, SourceLoad};
//!
//! struct Reports;
//!
//! impl Source for Reports {
//!     async fn load(&self, _: &Call, request: SourceLoad) -> Result<Option<RawRow>> {
//!         let row = format!(r#"{{"id":"{}","title":"Stockholm"}}"#, request.id);
//!         Ok(Some(serde_json::from_str(&row).map_err(ablo::source::Error::failed)?))
//!     }
//! }
//!
//! // A tower service: `axum::Router::new().route_service("/api/ablo/source", endpoint)`.
//! let endpoint = Endpoint::new(Reports, ["sk_test_example"]);
//! # let _ = endpoint;
//! ```

mod new_row;
mod tables;

pub use ablo_source::*;
pub use tables::{Ledger, Page, Table, Tables};
