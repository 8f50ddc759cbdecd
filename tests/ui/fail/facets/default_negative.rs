//! An unsigned number is never negative.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = -1)]
    pub title: u32,
}

fn main() {}
