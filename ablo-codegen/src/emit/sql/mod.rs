//! SQL targets, one folder per dialect, and the code that the dialects share.

mod dialect;
mod files;
mod layout;
mod names;
#[cfg(feature = "postgres")]
pub mod postgres;
mod quote;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use dialect::Dialect;
pub use layout::{LayoutProgram, LayoutUpgrade};
pub use quote::{quoted, quoted_text};
