//! The valid fixtures as modules of a user's crate, with all lints that users may enable.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![deny(clippy::all)]
#![warn(
    missing_docs,
    unreachable_pub,
    rust_2018_idioms,
    nonstandard_style,
    future_incompatible,
    keyword_idents
)]
