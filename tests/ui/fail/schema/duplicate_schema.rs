//! Two schemas with the same name.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! { pub schema App { Task } }
ablo::define_schema! { pub schema App { Task } }

fn main() {}
