//! A string as the default of a number.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = "many")]
    pub title: f64,
}

fn main() {}
