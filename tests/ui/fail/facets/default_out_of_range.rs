//! An `i8` ends at 127.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 300)]
    pub title: i8,
}

fn main() {}
