//! A text is no number.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = "many")]
    pub title: f64,
}

fn main() {}
