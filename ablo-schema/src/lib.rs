//! The ablo schema.
//!
//! One [`Schema`] describes the models of an application; every generated file is a pure function
//! of it. A front end ([`front::json`]) reads author input into the raw form ([`raw`]), [`check`]
//! validates it and is the only way to get a [`Schema`], and [`canonical`] and [`hash`] define its
//! text form and its hashes. This crate contains no Rust, TypeScript or SQL syntax, except
//! the names of column types, and does no I/O.
//!
//! ```
//! let text = r#"{"v":3,"models":{"tasks":{"fields":{"title":{"type":"string","isOptional":false,
//!   "isIndexed":false}},"relations":{}}},"identityRoles":[]}"#;
//! let read = ablo_schema::front::json::read(text);
//! let schema = read.schema.expect("the document is valid");
//! assert_eq!(schema.models()[0].fields[0].name.as_str(), "title");
//! ```

pub mod canonical;
pub mod check;
pub mod diag;
pub mod diff;
pub mod front;
pub mod hash;
#[doc(hidden)]
pub mod lookup;
pub mod raw;
pub mod schema;
pub mod select;
pub mod value;
#[doc(hidden)]
pub mod words;

pub use diag::{Code, Diagnostic, Diagnostics, Severity};
pub use hash::Hashes;
pub use schema::Schema;
