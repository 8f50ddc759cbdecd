//! Nothing that runs.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: fn() -> bool,
}

fn main() {}
