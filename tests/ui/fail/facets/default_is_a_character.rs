//! No field holds a character.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 'x')]
    pub title: String,
}

fn main() {}
