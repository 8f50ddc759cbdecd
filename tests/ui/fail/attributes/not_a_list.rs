//! `#[ablo = …]` instead of a list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo = "tasks"]
pub struct Task {
    pub title: String,
}

fn main() {}
