//! Every good fixture as a user's crate has it, under every lint that users turn on.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![deny(clippy::all)]
#![warn(missing_docs, unreachable_pub, rust_2018_idioms, nonstandard_style, future_incompatible, keyword_idents)]
