//! A comma is missing.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(key = "tasks" mutable)]
pub struct Task {
    pub title: String,
}

fn main() {}
