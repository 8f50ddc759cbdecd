//! Data Source endpoints: an application's own database stays canonical, and the coordinator reads
//! and writes it through signed requests.
//!
//! Applications use this crate as `ablo::source`, which adds sources of typed tables. The
//! coordinator uses it alone.
//!
//! An [`Endpoint`] verifies the signature before it reads a request and passes it to a [`Source`].
//! Several keys can be valid at once, for rotation. Messages outside the tolerance and repeated
//! messages are refused, and so are requests that the source does not implement
//! (docs/protocol/data-source.md §3).
//!
//! ```
//! use ablo_source::{Call, Endpoint, Result, Source};
//! use ablo_wire::{RawRow, SourceLoad};
//!
//! struct Reports;
//!
//! impl Source for Reports {
//!     async fn load(&self, _: &Call, request: SourceLoad) -> Result<Option<RawRow>> {
//!         let row = format!(r#"{{"id":"{}","title":"Stockholm"}}"#, request.id);
//!         Ok(Some(serde_json::from_str(&row).map_err(ablo_source::Error::failed)?))
//!     }
//! }
//!
//! // A tower service: `axum::Router::new().route_service("/api/ablo/source", endpoint)`.
//! let endpoint = Endpoint::new(Reports, ["sk_test_example"]);
//! # let _ = endpoint;
//! ```

mod endpoint;
mod error;
mod event;
#[cfg(feature = "kit")]
pub mod kit;
#[cfg(feature = "kit")]
mod remote;
mod service;
mod signature;

pub use endpoint::{Answer, Call, Endpoint, Scopes, Source};
pub use error::{Error, Result};
pub use event::attach_current_row;
#[cfg(feature = "kit")]
pub use remote::{Message, Remote, Reply, Unreachable};
pub use signature::{Verifier, sign, sign_webhook, webhook_secret};
