//! One word in two attributes.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(key = "tasks")]
#[ablo(key = "todos")]
pub struct Task {
    pub title: String,
}

fn main() {}
