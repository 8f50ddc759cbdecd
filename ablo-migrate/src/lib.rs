//! Migrates databases from one schema to the next.
//!
//! `ablo_codegen` lowers a diff to statements with their phase, locks and hazards. This crate turns
//! them into a reviewable plan and applies it with a ledger, a lock and retries. It also reads a
//! [catalog](catalog::Catalog) from a database, [compares](compare::differences) it with a schema,
//! and pulls a schema from it. It never generates DDL from a schema; the emitters do.

pub mod accepted;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod adopt;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod approvals;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod approver;
pub mod catalog;
pub mod codes;
pub mod compare;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod databases;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod derivation;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod draft;
mod error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod existing;
mod expression;
mod file_lock;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod fitting;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod history;
pub mod ledger;
pub mod plan;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod planning;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "postgres")]
pub mod prove;
pub mod pull;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod recovery;
pub mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod session;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod startup;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use ablo_codegen::emit::sql::Dialect;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use adopt::{Adoption, adopt, adoption};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use approver::{
    Approver, ApproverKey, SignedStep, add_approver, approvers, remove_approver, sign,
};
pub use codes::Code;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use databases::connect;
pub use error::{Error, Finding, Result};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use existing::{Current, current};
pub use file_lock::{FileLock, FileLockError};
pub use plan::Plan;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use planning::{
    Outcome, apply, drift, finish, migrate_to, offline, plan as plan_for, privileges,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use recovery::{resume, skip, undo};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use session::{
    Applied, Decision, IfMissing, RowLimit, Session, StoredApprovers, Timeouts, dialect_of,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use startup::{AtStart, Started, start};
