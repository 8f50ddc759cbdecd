//! A flag is there or not.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutable = "yes")]
pub struct Task {
    pub title: String,
}

fn main() {}
