//! A crate that is not a path.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(crate = "not a path")]
pub struct Task {
    pub title: String,
}

fn main() {}
