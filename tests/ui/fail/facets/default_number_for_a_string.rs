//! A number as the default of a string.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 1)]
    pub title: String,
}

fn main() {}
