//! Compiles the Rust fixture `newsroom` and compares its derived schema with the one read from its
//! source. It is a test binary of its own because its modules name each other by `crate::`.
#![allow(dead_code, deprecated, missing_docs, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/rust/newsroom/schema.rs"));

#[test]
fn derived_schema_matches_the_source() {
    ablo_tests::derived::assert_matches_fixture(Newsroom::SCHEMA, "newsroom");
}
