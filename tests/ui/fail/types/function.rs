//! A function pointer.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: fn() -> bool,
}

fn main() {}
