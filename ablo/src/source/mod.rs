//! Your own database stays canonical: the endpoint that a coordinator asks for rows, and tells what to commit.
//!
//! A signed request comes in, a [`Source`] answers it. The signature is checked before anything is read: with a key of either age
//! while keys are changed, within a tolerance, and no message twice. What a source does not have is refused with the code of the
//! protocol (docs/protocol/data-source.md §3).
//!
//! ```
//! use ablo::source::{Call, Endpoint, Result, Source};
//! use ablo::wire::{RawRow, SourceLoad};
//!
//! struct Reports;
//!
//! impl Source for Reports {
//!     async fn load(&self, _: &Call, asked: SourceLoad) -> Result<Option<RawRow>> {
//!         let row = format!(r#"{{"id":"{}","title":"Stockholm"}}"#, asked.id);
//!         Ok(Some(serde_json::from_str(&row).map_err(ablo::source::Error::failed)?))
//!     }
//! }
//!
//! // A service of tower: `axum::Router::new().route_service("/api/ablo/source", endpoint)`.
//! let endpoint = Endpoint::new(Reports, ["sk_test_example"]);
//! # let _ = endpoint;
//! ```

mod endpoint;
mod error;
#[cfg(feature = "source-kit")]
pub mod kit;
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
pub use tables::{Ledger, Page, Table, Tables, as_it_is};
