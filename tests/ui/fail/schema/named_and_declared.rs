//! A schema both names and declares models.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App {
        Task,
        pub struct Desk { pub name: String }
    }
}

fn main() {}
