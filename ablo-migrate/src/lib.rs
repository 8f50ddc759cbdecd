//! Databases brought from one schema to the next.
//!
//! What `ablo_codegen` lowers comes in: statements with their phase, locks and hazards. Here they become a plan that people
//! and agents review, and run in a database with a ledger, a lock and retries. What a database really holds is read as a
//! plain value ([`live::Live`]), [compared](compare::differences) with a schema, or pulled into one.
//!
//! No text of SQL is made from a schema here: that is the emitters'.

pub mod codes;
pub mod compare;
mod error;
mod expression;
pub mod ledger;
pub mod live;
mod needs;
pub mod plan;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod planning;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "postgres")]
pub mod prove;
pub mod pull;
pub mod rows;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod session;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use codes::Code;
pub use error::{Error, Finding, Result};
pub use plan::Plan;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use planning::{
    Current, Outcome, apply, bring, current, drift, finish, offline, plan as plan_for,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use session::{Absent, Applied, Dialect, Patience, Session, connect};
