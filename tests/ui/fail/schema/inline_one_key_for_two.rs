//! Two models, one key.

ablo::define_schema! {
    pub schema App {
        #[ablo(key = "things")]
        pub struct Task { pub title: String }
        #[ablo(key = "things")]
        pub struct Item { pub title: String }
    }
}

fn main() {}
