//! `indexed` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(indexd)]
    pub title: String,
}

fn main() {}
