//! An enum variant with fields.

ablo::define_schema! {
    pub schema App {
        pub struct Task { pub state: State }
        pub enum State { Open, Done(u8) }
    }
}

fn main() {}
