//! A field number with a fraction.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(number = 1.5)]
    pub title: String,
}

fn main() {}
