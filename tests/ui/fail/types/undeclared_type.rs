//! An undeclared type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub mood: Moood,
}

fn main() {}
