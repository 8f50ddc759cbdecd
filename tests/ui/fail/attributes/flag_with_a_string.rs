//! A flag with a string value.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutable = "yes")]
pub struct Task {
    pub title: String,
}

fn main() {}
