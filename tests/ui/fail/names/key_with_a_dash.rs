//! A key that is not an identifier.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(key = "my-tasks")]
pub struct Task {
    pub title: String,
}

fn main() {}
