//! A role without a field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task }
    roles { org }
}

fn main() {}
