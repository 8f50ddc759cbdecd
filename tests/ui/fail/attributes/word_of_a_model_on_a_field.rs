//! `mutable` belongs to the struct.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(mutable)]
    pub title: String,
}

fn main() {}
