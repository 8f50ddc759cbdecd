//! A tuple without `Json`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: (f64, f64),
}

fn main() {}
