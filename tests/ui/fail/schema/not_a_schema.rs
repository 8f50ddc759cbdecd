//! The keyword `schema` is missing.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub struct App { Task }
}

fn main() {}
