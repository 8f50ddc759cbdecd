//! Two fields with the same number.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(number = 1)]
    pub title: String,
    #[ablo(number = 1)]
    pub body: String,
}

fn main() {}
