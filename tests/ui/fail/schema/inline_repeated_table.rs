//! Two models use the same table.

ablo::define_schema! {
    pub schema App {
        #[ablo(table = "things")]
        pub struct Task { pub title: String }
        #[ablo(table = "things")]
        pub struct Item { pub title: String }
    }
}

fn main() {}
