//! The same attribute twice on a field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(number = 1, number = 2)]
    pub title: String,
}

fn main() {}
