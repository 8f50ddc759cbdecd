//! The PostgreSQL judge: a real server and the catalog that a program produces on it.

mod beside;
mod catalogue;
mod crashing_server;
pub mod invariants;
mod pooler;
mod server;
mod tls;

pub use beside::beside;
pub use catalogue::{Catalogue, Column, Constraint, Index, Policy, Table, catalogue, footprint};
pub use crashing_server::CrashingServer;
pub use pooler::Pooler;
pub use server::{Database, Server, Session};
pub use tls::{TlsServer, tls_file};

use ablo_codegen::emit::sql::postgres::{PostgresOptions, Provision, provision};
use ablo_schema::Schema;

/// Reads a schema.
///
/// # Panics
/// Panics if it is invalid.
#[must_use]
pub fn schema(text: &str) -> Schema {
    let read = ablo_schema::front::json::read(text);
    read.schema.unwrap_or_else(|| panic!("{:#?}", read.diagnostics))
}

/// Returns the DDL for a schema in `public`, with foreign keys.
///
/// # Panics
/// Does not panic, because the options are valid.
#[must_use]
pub fn program(schema: &Schema) -> Provision {
    provision(schema, &PostgresOptions { foreign_keys: true, ..PostgresOptions::default() })
        .expect("valid options")
}

/// Runs a program like a driver. Returns the warnings.
///
/// # Panics
/// Panics if a statement fails.
pub fn apply(session: &mut Session, program: &Provision) -> Vec<String> {
    let _ = session.notices();
    for sql in std::iter::once(&program.transaction).chain(&program.after_commit) {
        session.run(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }
    session.notices()
}

/// Provisions a schema and asserts that there are no warnings.
///
/// # Panics
/// Panics on errors and warnings.
pub fn provision_silently(session: &mut Session, schema: &Schema) {
    assert_eq!(apply(session, &program(schema)), Vec::<String>::new());
}
