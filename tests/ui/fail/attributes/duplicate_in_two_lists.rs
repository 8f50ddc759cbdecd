//! The same attribute in two `#[ablo(…)]` lists.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(key = "tasks")]
#[ablo(key = "todos")]
pub struct Task {
    pub title: String,
}

fn main() {}
