//! The PostgreSQL judge: a real server, and what a program makes of it.

mod catalogue;
pub mod law;
mod mortal;
mod server;

pub use catalogue::{Catalogue, Column, Constraint, Index, Policy, Table, catalogue, footprint};
pub use mortal::Mortal;
pub use server::{Database, Server, Session};

use ablo_codegen::emit::sql::postgres::{PostgresOptions, Provision, provision};
use ablo_schema::Schema;

/// Reads a schema that has to be valid.
///
/// # Panics
/// When it is not.
#[must_use]
pub fn schema(text: &str) -> Schema {
    let read = ablo_schema::front::json::read(text);
    read.schema.unwrap_or_else(|| panic!("{:#?}", read.diagnostics))
}

/// The program for a schema in `public`, with foreign keys.
///
/// # Panics
/// Never: these options are right.
#[must_use]
pub fn program(schema: &Schema) -> Provision {
    provision(schema, &PostgresOptions { foreign_keys: true, ..PostgresOptions::default() })
        .expect("options that are right")
}

/// Runs a program as a driver does and gives the warnings.
///
/// # Panics
/// When the server refuses a statement.
pub fn apply(session: &mut Session, program: &Provision) -> Vec<String> {
    let _ = session.notices();
    for sql in std::iter::once(&program.transaction).chain(&program.after_commit) {
        session.run(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }
    session.notices()
}

/// Provisions a schema that fits the database without a word.
///
/// # Panics
/// When the server refuses or warns.
pub fn provision_silently(session: &mut Session, schema: &Schema) {
    assert_eq!(apply(session, &program(schema)), Vec::<String>::new());
}
