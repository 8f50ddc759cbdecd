//! What is in the box is what is meant.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Box<String>,
}

fn main() {}
