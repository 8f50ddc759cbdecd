//! Digits of what is no number.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(decimal(12, 2))]
    pub title: String,
}

fn main() {}
