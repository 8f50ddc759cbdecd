//! A string as a field number.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(number = "seven")]
    pub title: String,
}

fn main() {}
