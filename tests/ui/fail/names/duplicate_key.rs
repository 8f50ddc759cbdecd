//! Two models with the same key.

fn main() {}

ablo::define_schema! {
    pub schema App {
        #[ablo(key = "tasks")]
        pub struct Task {
            pub title: String,
        }

        #[ablo(key = "tasks")]
        pub struct Chore {
            pub title: String,
        }
    }
}
