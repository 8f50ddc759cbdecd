//! A scope kind is a word.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(scope = "my desk")]
pub struct Task {
    pub title: String,
}

fn main() {}
