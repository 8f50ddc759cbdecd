//! `mutable` takes no list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutable(true))]
pub struct Task {
    pub title: String,
}

fn main() {}
