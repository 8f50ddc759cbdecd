//! What `ablo schema print --document rust` printed, compiled: derives take it, and say what its twin says.
#![allow(dead_code, deprecated, missing_docs, unreachable_pub)]

mod newsroom {
    include!(concat!(env!("OUT_DIR"), "/rust/printed-newsroom/schema.rs"));

    #[test]
    fn it_is_its_twin() {
        ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "printed-newsroom");
    }
}

mod obstacle_course {
    include!(concat!(env!("OUT_DIR"), "/rust/printed-obstacle-course/schema.rs"));

    #[test]
    fn it_is_its_twin() {
        ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "printed-obstacle-course");
    }
}

mod every_member {
    include!(concat!(env!("OUT_DIR"), "/rust/printed-every-member/schema.rs"));

    #[test]
    fn it_is_its_twin() {
        ablo_tests::derived::assert_matches_fixture(App::SCHEMA, "printed-every-member");
    }
}
