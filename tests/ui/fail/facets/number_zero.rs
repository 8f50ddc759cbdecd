//! The field number 0.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(number = 0)]
    pub title: String,
}

fn main() {}
