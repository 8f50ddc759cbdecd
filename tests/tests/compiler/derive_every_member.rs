//! Compiles the Rust fixture `every-member` and compares its derived schema with the one read from
//! its source.
#![allow(dead_code, deprecated, missing_docs, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/rust/every-member/schema.rs"));

#[test]
fn derived_schema_matches_the_source() {
    ablo_tests::derived::assert_matches_fixture(Everything::SCHEMA, "every-member");
}
