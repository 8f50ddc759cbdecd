//! The value of `load` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(load = lazzy)]
pub struct Task {
    pub title: String,
}

fn main() {}
