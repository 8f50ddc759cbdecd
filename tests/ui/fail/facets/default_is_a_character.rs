//! A character as a default.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 'x')]
    pub title: String,
}

fn main() {}
