//! A schema holds structs and enums.

ablo::define_schema! {
    pub schema App {
        pub struct Task { pub title: String }
        fn title() {}
    }
}

fn main() {}
