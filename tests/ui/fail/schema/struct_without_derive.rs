//! A struct that does not derive `AbloModel`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Desk {
    pub title: String,
}

pub struct Task;

ablo::define_schema! {
    pub schema App { Task }
}

fn main() {}
