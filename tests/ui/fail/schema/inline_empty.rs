//! A schema of nothing.

ablo::define_schema! {
    pub schema App {
    }
}

fn main() {}
