//! Compiles the Rust fixture `inline` and compares its derived schema with the one read from its
//! source.
#![allow(dead_code, deprecated, missing_docs, unreachable_pub)]

use ablo::{Id, Json};

include!(concat!(env!("OUT_DIR"), "/rust/inline/schema.rs"));

#[test]
fn derived_schema_matches_the_source() {
    ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "inline");
}
