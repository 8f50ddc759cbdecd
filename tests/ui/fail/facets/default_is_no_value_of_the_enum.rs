//! In one schema, the enum's values are known.

ablo::define_schema! {
    pub schema App {
        pub struct Task {
            #[ablo(default = "opne")]
            pub state: State,
        }
        pub enum State { Open, Done }
    }
}

fn main() {}
