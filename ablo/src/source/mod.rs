//! Data Source endpoints: an application's own database stays canonical, and the coordinator reads
//! and writes it through signed requests.
//!
//! An [`Endpoint`] verifies the signature before it reads a request and passes it to a [`Source`].
//! Several keys can be valid at once, for rotation. Messages outside the tolerance and repeated
//! messages are refused, and so are requests that the source does not implement
//! (docs/protocol/data-source.md §3).
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

mod endpoint;
mod error;
#[cfg(feature = "source-kit")]
pub mod kit;
mod new_row;
#[cfg(feature = "source-kit")]
mod remote;
mod service;
mod signature;
mod tables;

pub use endpoint::{Answer, Call, Endpoint, Scopes, Source};
pub use error::{Error, Result};
#[cfg(feature = "source-kit")]
pub use remote::{Message, Remote, Reply, Unreachable};
pub use signature::{Verifier, sign, sign_webhook, webhook_secret};
pub use tables::{Ledger, Page, Table, Tables, attach_current_row};
