//! `#[ablo = …]` is no attribute of ablo.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo = "tasks"]
pub struct Task {
    pub title: String,
}

fn main() {}
