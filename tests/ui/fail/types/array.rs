//! An array without `Json`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: [f64; 2],
}

fn main() {}
