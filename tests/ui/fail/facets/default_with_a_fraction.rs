//! A default with a fraction on an integer.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 1.5)]
    pub title: i32,
}

fn main() {}
