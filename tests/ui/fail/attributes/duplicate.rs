//! The same attribute twice in one list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutable, key = "tasks", mutable)]
pub struct Task {
    pub title: String,
}

fn main() {}
