//! The same model twice.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task, Task }
}

fn main() {}
