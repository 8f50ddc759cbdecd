//! A function in a schema.

ablo::define_schema! {
    pub schema App {
        pub struct Task { pub title: String }
        fn title() {}
    }
}

fn main() {}
