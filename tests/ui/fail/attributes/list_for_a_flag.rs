//! A list for the flag `mutable`.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutable(true))]
pub struct Task {
    pub title: String,
}

fn main() {}
