//! SQL targets: one folder per dialect; dialects share nothing but what stands here.

mod files;
mod names;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
