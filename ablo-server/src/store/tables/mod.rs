//! The coordinator's own tables, one module each: their SQL, and the records that they hold.

pub(crate) mod bootstraps;
pub(crate) mod captured;
pub mod claims;
pub mod credentials;
pub mod log;
pub(crate) mod log_bounds;
mod log_values;
pub(crate) mod operations;
mod own_key;
pub(crate) mod receipts;
pub mod sessions;
pub(crate) mod source_commits;
pub(crate) mod turns;
pub(crate) mod webhooks;

pub(crate) use own_key::OwnKey;
