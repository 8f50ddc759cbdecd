//! The field number exceeds 65535.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(number = 65536)]
    pub title: String,
}

fn main() {}
