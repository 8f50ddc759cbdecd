//! Flags with a boolean value.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutable = false)]
pub struct Task {
    #[ablo(indexed = true)]
    pub title: String,
}

fn main() {}
