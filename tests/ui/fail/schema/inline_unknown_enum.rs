//! An enum that is not in the schema.

ablo::define_schema! {
    pub schema App {
        pub struct Task { pub state: Sate }
        pub enum State { Open, Done }
    }
}

fn main() {}
