//! No column holds it.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: i128,
}

fn main() {}
