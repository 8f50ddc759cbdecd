//! A text where a word belongs.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo("tasks")]
pub struct Task {
    pub title: String,
}

fn main() {}
