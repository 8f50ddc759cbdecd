//! Two schemas in one macro call.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task }
    roles {}
    pub schema Other { Task }
}

fn main() {}
