//! `mutable` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutabel)]
pub struct Task {
    pub title: String,
}

fn main() {}
