//! The default exceeds the range of an `i8`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 300)]
    pub title: i8,
}

fn main() {}
