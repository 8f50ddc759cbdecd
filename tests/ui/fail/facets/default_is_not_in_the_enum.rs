//! The default is not a value of the enum, whose values are known in an inline schema.

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
