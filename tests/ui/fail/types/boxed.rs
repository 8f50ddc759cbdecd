//! A `Box` instead of its inner type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Box<String>,
}

fn main() {}
