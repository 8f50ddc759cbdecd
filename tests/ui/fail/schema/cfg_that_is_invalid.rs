//! An invalid predicate in a schema.

ablo::define_schema! {
    pub schema App {
        pub struct Task {
            pub title: String,
            #[cfg(unix(x))]
            pub path: String,
        }
    }
}

fn main() {}
