//! A scope kind with a space.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(scope = "my desk")]
pub struct Task {
    pub title: String,
}

fn main() {}
