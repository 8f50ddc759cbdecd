//! Compiles the output of `ablo schema print --document rust` and compares the derived schemas with
//! those read from the sources.
#![allow(dead_code, deprecated, missing_docs, unreachable_pub)]

mod newsroom {
    include!(concat!(env!("OUT_DIR"), "/rust/printed-newsroom/schema.rs"));

    #[test]
    fn derived_schema_matches_the_source() {
        ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "printed-newsroom");
    }
}

mod obstacle_course {
    include!(concat!(env!("OUT_DIR"), "/rust/printed-obstacle-course/schema.rs"));

    #[test]
    fn derived_schema_matches_the_source() {
        ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "printed-obstacle-course");
    }
}

mod every_member {
    include!(concat!(env!("OUT_DIR"), "/rust/printed-every-member/schema.rs"));

    #[test]
    fn derived_schema_matches_the_source() {
        ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "printed-every-member");
    }
}
