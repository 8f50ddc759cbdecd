//! A type that nobody declared.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub mood: Moood,
}

fn main() {}
