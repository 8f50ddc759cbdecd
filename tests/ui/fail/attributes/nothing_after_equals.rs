//! No value after `=`.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(key = )]
pub struct Task {
    pub title: String,
}

fn main() {}
