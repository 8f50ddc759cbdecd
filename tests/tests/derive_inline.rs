//! The Rust fixture `inline`, compiled: what its derives say of themselves is what readers of the source say of it.
#![allow(dead_code, deprecated, missing_docs, unreachable_pub)]

use ablo::{Id, Json};

include!(concat!(env!("OUT_DIR"), "/rust/inline/schema.rs"));

#[test]
fn what_derives_say_is_what_the_source_says() {
    ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "inline");
}
