//! A string literal instead of an attribute name.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo("tasks")]
pub struct Task {
    pub title: String,
}

fn main() {}
